"""The metrics carry the names of the public contract, and their number of series is bounded."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.gauges import POSITION_CAP, FeedGauges, GaugeSnapshot, PositionGauges, SessionGauges
from gateway.telemetry.metrics import Metrics

CONTRACT = re.findall(
    r"\w+",
    """
session_up session_logons_total session_disconnects_total messages_total session_rejects_total business_rejects_total
resend_requests_total sequence_gaps_total next_sender_seqnum next_target_seqnum last_receive_timestamp_seconds feed_up
feed_stale_seconds feed_latency_seconds feed_messages_total events_total event_seconds order_ack_seconds
decision_seconds strategy_seconds strategy_state order_rejects_total cancel_rejects_total heartbeat_rtt_seconds
errors_total component_state disk_free_bytes intents_total risk_denials_total orders_open fills_total anomalies_total
queue_depth intake_depth journal_commit_seconds record_lag_events record_lag_seconds record_retries_total trading_state
kill_engaged build_info config_info
""",
)


def snapshot(positions: int = 1) -> GaugeSnapshot:
    return GaugeSnapshot(
        trading_state="reduced",
        kill_engaged=True,
        orders_open=3,
        queue_depth=2,
        intake_depth=1,
        record_lag_events=5,
        record_lag_seconds=0.5,
        disk_free_bytes=1 << 40,
        sessions=[
            SessionGauges(venue="SIM", up=True, next_sender=12, next_target=34, last_receive_seconds=1.5),
            SessionGauges(venue="NEW", up=False, next_sender=1, next_target=1, last_receive_seconds=None),
        ],
        feeds=[FeedGauges(venue="SIM", up=True, stale_seconds=0.25)],
        positions=[
            PositionGauges(venue="SIM", symbol=f"S{number}", quantity=Decimal(-number), exposure=Decimal(number))
            for number in range(positions)
        ],
        strategies={"maker": "running"},
        components={"journal": "failed"},
    )


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_every_name_of_the_contract_is_exposed() -> None:
    metrics = Metrics(snapshot)
    families = set(re.findall(r"^# TYPE (\S+) ", metrics.exposition().decode(), re.MULTILINE))
    assert {f"gateway_{name}" for name in CONTRACT} <= families


def test_gauges_show_the_snapshot() -> None:
    shown = samples(Metrics(snapshot))
    assert shown["gateway_session_up", (("venue", "SIM"),)] == 1
    assert shown["gateway_session_up", (("venue", "NEW"),)] == 0
    assert shown["gateway_next_sender_seqnum", (("venue", "SIM"),)] == 12
    assert shown["gateway_last_receive_timestamp_seconds", (("venue", "SIM"),)] == 1.5
    assert ("gateway_last_receive_timestamp_seconds", (("venue", "NEW"),)) not in shown
    assert shown["gateway_trading_state", ()] == 1
    assert shown["gateway_kill_engaged", ()] == 1
    assert shown["gateway_disk_free_bytes", ()] == 1 << 40
    assert shown["gateway_strategy_state", (("strategy", "maker"),)] == 1
    assert shown["gateway_component_state", (("component", "journal"),)] == 4


def test_no_snapshot_is_taken_before_the_first_scrape() -> None:
    def never() -> GaugeSnapshot:
        pytest.fail("taken while the gateway is still being assembled")

    Metrics(never)


def test_counters_and_histograms_add_up() -> None:
    metrics = Metrics(snapshot)
    metrics.messages_total("SIM", "in", "8").inc()
    metrics.messages_total("SIM", "in", "8").inc(2)
    metrics.fills_total.inc()
    metrics.event_seconds.observe(0.0004)
    shown = samples(metrics)
    assert shown["gateway_messages_total", (("direction", "in"), ("msg_type", "8"), ("venue", "SIM"))] == 3
    assert shown["gateway_fills_total", ()] == 1
    assert shown["gateway_event_seconds_bucket", (("le", "0.00025"),)] == 0
    assert shown["gateway_event_seconds_bucket", (("le", "0.0005"),)] == 1


def test_a_bound_child_is_the_same_object_each_time() -> None:
    metrics = Metrics(snapshot)
    assert metrics.events_total("fill") is metrics.events_total("fill")


def test_a_counterparty_cannot_grow_the_number_of_series() -> None:
    metrics = Metrics(snapshot, label_cap=3)
    for number in range(1000):
        metrics.messages_total("SIM", "in", f"U{number}").inc()
    metrics.messages_total("SIM", "in", "U0").inc()
    counted = {key: value for key, value in samples(metrics).items() if key[0] == "gateway_messages_total"}
    by_type = {dict(labels)["msg_type"]: value for (_, labels), value in counted.items()}
    assert by_type == {"U0": 2, "U1": 1, "U2": 1, "other": 997}
    assert len(metrics.messages_total._children) == 4


def test_the_cap_holds_when_many_threads_bring_new_values() -> None:
    metrics = Metrics(snapshot, label_cap=5)
    together = threading.Barrier(8)

    def count(thread: int) -> None:
        together.wait()
        for number in range(200):
            metrics.anomalies_total(f"{thread}-{number}").inc()

    threads = [threading.Thread(target=count, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = [value for key, value in samples(metrics).items() if key[0] == "gateway_anomalies_total"]
    assert len(values) == 6
    assert sum(values) == 1600


def test_the_wrong_number_of_labels_is_a_defect() -> None:
    with pytest.raises(ValueError, match="zip"):
        Metrics(snapshot).messages_total("SIM")


def test_the_largest_exposures_are_shown_and_the_rest_is_counted() -> None:
    shown = samples(Metrics(lambda: snapshot(positions=POSITION_CAP + 5)))
    assert sum(1 for name, _ in shown if name == "gateway_position_quantity") == POSITION_CAP
    assert shown["gateway_positions_not_shown", ()] == 5
    assert ("gateway_exposure_value", (("symbol", "S0"), ("venue", "SIM"))) not in shown
    assert shown["gateway_position_quantity", (("symbol", f"S{POSITION_CAP}"), ("venue", "SIM"))] == -POSITION_CAP


def test_a_new_configuration_replaces_the_old_one() -> None:
    metrics = Metrics(snapshot)
    metrics.set_build_info(version="0.1.0", quickfix="1.16.0", python="3.11")
    metrics.set_config_info(name="desk-1", sha256="a")
    metrics.set_config_info(name="desk-1", sha256="b")
    shown = samples(metrics)
    assert ("gateway_config_info", (("name", "desk-1"), ("sha256", "a"))) not in shown
    assert shown["gateway_config_info", (("name", "desk-1"), ("sha256", "b"))] == 1
    assert shown["gateway_build_info", (("python", "3.11"), ("quickfix", "1.16.0"), ("version", "0.1.0"))] == 1


def test_what_has_not_happened_yet_is_zero() -> None:
    metrics = Metrics(snapshot)
    metrics.begin(venues=["SIM"], components=["journal"], outcomes=["denied"], codes=["off_tick"], anomalies=["overfill"])
    found = samples(metrics)
    for name in ("session_rejects", "business_rejects", "resend_requests", "order_rejects", "cancel_rejects", "sequence_gaps"):
        assert found[f"gateway_{name}_total", (("venue", "SIM"),)] == 0
    assert found["gateway_errors_total", (("component", "journal"),)] == 0
    assert found["gateway_intents_total", (("outcome", "denied"),)] == 0
    assert found["gateway_risk_denials_total", (("code", "off_tick"),)] == 0
    assert found["gateway_anomalies_total", (("kind", "overfill"),)] == 0


def test_retries_of_the_record_writer_are_as_it_counts_them() -> None:
    metrics = Metrics(lambda: replace(snapshot(), record_retries=3))
    for _ in range(2):
        assert samples(metrics)["gateway_record_retries_total", ()] == 3
