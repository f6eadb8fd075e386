"""The tag numbers this layer speaks of by name (FIX 4.4 vol. 6, fields).

Exists so that the rest reads in the field's own words. A tag belongs here only if code needs it; what a dialect merely
passes on is named in its file.
"""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = 1
AVG_PX: Final = 6
CL_ORD_ID: Final = 11
CUM_QTY: Final = 14
EXEC_ID: Final = 17
EXEC_REF_ID: Final = 19
EXEC_TRANS_TYPE: Final = 20
LAST_PX: Final = 31
LAST_QTY: Final = 32
MSG_SEQ_NUM: Final = 34
MSG_TYPE: Final = 35
ORDER_ID: Final = 37
ORDER_QTY: Final = 38
ORD_STATUS: Final = 39
ORD_TYPE: Final = 40
ORIG_CL_ORD_ID: Final = 41
POSS_DUP_FLAG: Final = 43
PRICE: Final = 44
REF_SEQ_NUM: Final = 45
SENDER_COMP_ID: Final = 49
SENDING_TIME: Final = 52
SIDE: Final = 54
SYMBOL: Final = 55
TARGET_COMP_ID: Final = 56
TEXT: Final = 58
TIME_IN_FORCE: Final = 59
TRANSACT_TIME: Final = 60
TRADE_DATE: Final = 75
RAW_DATA: Final = 96
POSS_RESEND: Final = 97
ORIG_SENDING_TIME: Final = 122
STOP_PX: Final = 99
CXL_REJ_REASON: Final = 102
ORD_REJ_REASON: Final = 103
TEST_REQ_ID: Final = 112
NO_RELATED_SYM: Final = 146
EXEC_TYPE: Final = 150
LEAVES_QTY: Final = 151
MD_REQ_ID: Final = 262
SUBSCRIPTION_REQUEST_TYPE: Final = 263
MARKET_DEPTH: Final = 264
MD_UPDATE_TYPE: Final = 265
NO_MD_ENTRY_TYPES: Final = 267
NO_MD_ENTRIES: Final = 268
MD_ENTRY_TYPE: Final = 269
MD_ENTRY_PX: Final = 270
MD_ENTRY_SIZE: Final = 271
MD_ENTRY_DATE: Final = 272
MD_ENTRY_TIME: Final = 273
MD_ENTRY_ID: Final = 278
MD_UPDATE_ACTION: Final = 279
MD_ENTRY_REF_ID: Final = 280
MD_REQ_REJ_REASON: Final = 281
ENCODED_TEXT: Final = 355
REF_TAG_ID: Final = 371
REF_MSG_TYPE: Final = 372
SESSION_REJECT_REASON: Final = 373
EXEC_RESTATEMENT_REASON: Final = 378
BUSINESS_REJECT_REF_ID: Final = 379
BUSINESS_REJECT_REASON: Final = 380
CXL_REJ_RESPONSE_TO: Final = 434
PASSWORD: Final = 554
MASS_STATUS_REQ_ID: Final = 584
MASS_STATUS_REQ_TYPE: Final = 585
ORD_STATUS_REQ_ID: Final = 790
NEW_PASSWORD: Final = 925
ENCRYPTED_PASSWORD: Final = 1402
ENCRYPTED_NEW_PASSWORD: Final = 1404

DATA_OF_LENGTH: Final[dict[int, int]] = {
    90: 91, 93: 89, 95: 96, 212: 213, 348: 349, 350: 351, 352: 353, 354: 355, 356: 357, 358: 359, 360: 361, 362: 363,
    364: 365, 445: 446, 618: 619, 621: 622, 1184: 1185, 1397: 1398, 1401: 1402, 1403: 1404,
}  # fmt: skip
"""Length field -> the data field it announces; the data may contain SOH (FIX 4.4 vol. 1, "Data types: data")."""
LONG_QTY: Final = 704
SHORT_QTY: Final = 705
POS_TYPE: Final = 703
POS_REQ_ID: Final = 710
CLEARING_BUSINESS_DATE: Final = 715
POS_REQ_TYPE: Final = 724
TOTAL_NUM_POS_REPORTS: Final = 727
POS_REQ_RESULT: Final = 728
