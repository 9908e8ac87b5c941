"""`fetch.py pages|statuses BASE_URL COUNT`, over requests, amounts as Decimal."""

import json
import sys
from decimal import Decimal

import requests

what, base, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
session = requests.Session()
session.headers["authorization"] = "Bearer token"
for n in range(count):
    if what == "pages":
        query = {
            "start_date": "2026-05-01T00:00:00Z",
            "end_date": "2026-06-01T00:00:00Z",
            "limit": 1000,
            "offset": 1000 * n,
        }
        answer = session.get(f"{base}/v1/settlements/transactions", params=query)
    else:
        query = {
            "target": "kamipay_id",
            "type": "pay",
            "id": "txc_01jranqegkf509bq5svh03ztt8",
            "chain": "polygon",
        }
        answer = session.get(f"{base}/v2/status/tx_status", params=query)
    answer.raise_for_status()
    json.loads(answer.content, parse_float=Decimal)
