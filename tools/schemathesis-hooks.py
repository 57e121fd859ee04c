"""Hooks of tools/schemathesis.sh: things that exist, put into generated requests.

What is generated has ids of nothing, and ends at a 404. With FANFARE_REAL=1 events, holds, orders
and people are made first, and most generated ids are replaced by one of theirs.
"""

import json
import os
import uuid
from random import SystemRandom
from urllib.request import Request, urlopen

import schemathesis

# The random numbers of a run are schemathesis' own: taken from them, every case would get the same.
chance = SystemRandom()
SHARE = 0.7
URL = os.environ["FANFARE_URL"] + "/api/v1"
KEY = os.environ["FANFARE_KEY"]


def call(path, body):
    headers = {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "idempotency-key": str(uuid.uuid4()),
    }
    data = json.dumps(body).encode()
    with urlopen(Request(URL + path, data=data, headers=headers, method="POST")) as answer:
        return json.load(answer)


def make_things():
    ids = {}

    def keep(*found):
        for one in found:
            ids.setdefault(one.split("_", 1)[0], []).append(one)

    for free in (True, False, False):
        price = {"amount": 0 if free else 2500, "currency": "EUR"}
        types = [{"name": name, "price": price, "capacity": 100_000} for name in ("A", "B")]
        event = call(
            "/events",
            {
                "name": "For schemathesis",
                "startsAt": "2031-05-01T20:00:00+02:00",
                "timezone": "Europe/Berlin",
                "currency": "EUR",
                "ticketTypes": types,
            },
        )
        keep(event["id"])
        for kind in event["ticketTypes"]:
            keep(kind["id"], kind["poolId"])
        items = [{"ticketTypeId": event["ticketTypes"][0]["id"], "quantity": 2}]
        for method in ("simulated", "payment_intent") * 4:
            keep(call(f"/events/{event['id']}/holds", {"items": items})["id"])
            buyer = {"name": "Ada", "email": "ada@example.org"}
            booking = {"items": items, "buyer": buyer, "payment": {"method": method}}
            order = call(f"/events/{event['id']}/bookings", booking)["order"]
            keep(order["id"], *(ticket["id"] for ticket in order["tickets"]))
    keep(call("/users", {"name": "Ada", "email": f"{uuid.uuid4()}@example.org"})["id"])
    return ids


REAL = make_things() if os.environ.get("FANFARE_REAL") else {}


def with_real(value):
    if isinstance(value, dict):
        return {key: with_real(member) for key, member in value.items()}
    if isinstance(value, list):
        return [with_real(member) for member in value]
    if isinstance(value, str) and "_" in value and chance.random() < SHARE:
        known = REAL.get(value.split("_", 1)[0])
        return chance.choice(known) if known else value
    return value


if REAL:

    @schemathesis.hook
    def before_call(context, case, kwargs):
        case.path_parameters = with_real(case.path_parameters)
        case.body = with_real(case.body)
