"""The standard dictionaries found, and the two forms made from them."""

from __future__ import annotations

import importlib.metadata
from xml.etree import ElementTree

import msgspec
import pytest

from gateway.errors import ConfigurationError, PreconditionFailed
from gateway.fix import dictionary
from gateway.fix.dialect import load_dialect
from gateway.fix.message import FixMessage
from gateway.fix.permissive import permissive_xml, write_permissive
from gateway.fix.schema import ExtraField
from gateway.fix.strict import StrictDictionary

DIALECTS = ["generic-fix42", "generic-fix44", "generic-fix50sp2"]


def test_a_wheel_without_dictionaries_is_named(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(PreconditionFailed, match=r"FIX44\.xml is missing: quickfix .* ships no such dictionary.*pip install"):
        dictionary.find("FIX44.xml")


def test_a_missing_distribution_is_named(monkeypatch):
    monkeypatch.setattr(dictionary, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(PreconditionFailed, match="is not installed"):
        dictionary.find("FIX44.xml")


@pytest.mark.parametrize("name", DIALECTS)
def test_the_permissive_form_has_structure_and_no_opinions(name):
    dialect = load_dialect(name)
    files = [file for file in (dialect.dictionary, dialect.transport_dictionary) if file]
    for file in files:
        root = ElementTree.fromstring(permissive_xml(dialect, file))
        assert root.findall("fields/field/value") == []
        types = {field.get("type") for field in root.iterfind("fields/field")}
        assert types <= {"STRING", "NUMINGROUP", "SEQNUM"}  # of the type DATA a wrong length ends the process
        assert root.findall("messages//*[@required='Y']") == []
        assert root.findall("components//*[@required='Y']") == []
        defined = {field.get("name") for field in root.iterfind("fields/field")}
        used = {
            node.get("name")
            for part in ("header", "trailer", "messages", "components")
            for node in root.iterfind(f"{part}//field")
        }
        assert used <= defined
        assert {node.get("name") for node in root.iterfind(".//group")} <= defined
    header = root.findall("header/field[@required='Y']")
    assert {field.get("name") for field in header} >= {"BeginString", "BodyLength", "MsgType", "MsgSeqNum", "SendingTime"}


def test_messages_outside_the_dialect_stay_by_name_only():
    root = ElementTree.fromstring(permissive_xml(load_dialect("generic-fix44"), "FIX44.xml"))
    allocation = root.find("messages/message[@msgtype='J']")
    assert allocation is not None
    assert len(allocation) == 0
    logon = root.find("messages/message[@msgtype='A']")
    assert logon is not None
    assert len(logon) > 5


def test_a_dictionary_is_written_only_when_it_changes(tmp_path):
    dialect = load_dialect("generic-fix50sp2")
    files = write_permissive(dialect, tmp_path / "new")
    assert files.transport is not None
    before = files.application.stat().st_ino, files.transport.stat().st_ino
    assert write_permissive(dialect, tmp_path / "new") == files
    assert (files.application.stat().st_ino, files.transport.stat().st_ino) == before
    files.transport.write_text("old")
    write_permissive(dialect, tmp_path / "new")
    assert files.transport.read_bytes().startswith(b"<fix")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PreconditionFailed, match="cannot be written"):
        write_permissive(load_dialect("generic-fix44"), tmp_path / "file")


def with_fields(*extra: ExtraField):
    dialect = load_dialect("generic-fix44")
    return msgspec.structs.replace(dialect, extra_fields=[*dialect.extra_fields, *extra])


def test_extra_fields_are_known_to_both_forms(fix):
    dialect = with_fields(
        ExtraField(tag=9001, name="VenueFlag", values={"A": "ALPHA"}, messages=["8"]),
        ExtraField(tag=9002, name="VenueLevel", type="INT", messages=["X"], group="NoMDEntries"),
    )
    strict = StrictDictionary(dialect)
    report = FixMessage.parse(fix("37=V1|17=E|150=0|39=0|54=1|151=1|14=0|6=0|9001=B|9002=1|"))
    assert strict.deviations(report) == ("VenueFlag(9001)=B is not in the dictionary", "unknown tag 9002")
    update = FixMessage.parse(fix("268=1|279=0|269=0|9002=x|", msg_type="X"))
    assert strict.deviations(update) == ("VenueLevel(9002)='x' is not a whole number",)
    root = ElementTree.fromstring(permissive_xml(dialect, "FIX44.xml"))
    assert root.find("messages/message[@msgtype='8']/field[@name='VenueFlag']") is not None
    assert root.find("messages/message[@msgtype='X']/group[@name='NoMDEntries']/field[@name='VenueLevel']") is not None


def test_an_extra_field_of_a_group_that_is_not_there_is_refused():
    with pytest.raises(PreconditionFailed, match="has no group NoLunch"):
        permissive_xml(with_fields(ExtraField(tag=9001, name="X", messages=["8"], group="NoLunch")), "FIX44.xml")


def test_a_message_type_the_dictionary_lacks_is_refused():
    dialect = load_dialect("generic-fix44")
    with pytest.raises(ConfigurationError, match=r"'ZZ' is not an application message of FIX44\.xml"):
        StrictDictionary(msgspec.structs.replace(dialect, messages=[*dialect.messages, "ZZ"]))


ACK = "37=V|17=E|150=0|39=0|54=1|151=1|14=0|6=0|"
TWICE = "MDEntryPx(270) appears more than once; the first one counts"


@pytest.mark.parametrize(
    ("msg_type", "body", "said"),
    [
        ("W", "55=A|268=1|269=0|270=x|270=1|", [TWICE, "MDEntryPx(270)='x' is not a number"]),
        ("W", "55=A|268=1|270=1|5001=x|", ["required MDEntryType(269) is missing", "unknown tag 5001"]),
        ("W", "55=A|", ["required NoMDEntries(268) is missing"]),
        ("B", "148=x|33=1|58=y|95=9|96=abc|", ["length field 95=9 does not fit data field 96"]),
        ("8", ACK + "18=1 2|847=1|", []),
        ("8", ACK + "18=1 ?|", ["ExecInst(18)=1 ? is not in the dictionary"]),
        ("8", ACK + "114=?|64=2024|", ["unknown tag 114", "SettlDate(64)='2024' is not a date YYYYMMDD"]),
        ("zz", "", ["MsgType(35)='zz' is not in the dictionary"]),
    ],
)  # fmt: skip
def test_deviations(strict, fix, msg_type, body, said):
    assert sorted(strict.deviations(FixMessage.parse(fix(body, msg_type=msg_type)))) == sorted(said)


def test_labels(strict):
    assert (strict.label(103), strict.label(99999)) == ("OrdRejReason(103)", "tag 99999")
    assert (strict.describe(103, "5"), strict.describe(103, "77")) == ("unknown order", "77")
