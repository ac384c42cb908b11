"""The gate before an order: what it says goes with the order, or stops it."""

from __future__ import annotations

from dataclasses import replace

from kb.editing.desk import Actor, Desk, refuse_broken, summary
from kb.editing.publication import Order
from kb.editing.states import Move


def gated(desk: Desk, order: Order) -> Order:
    """An order with what the gate says of it, before it takes the writer's turn.

    Raises MoveRefused where golden questions would break and no reason is given, and what `Desk.asked` raises.
    """
    if order.move is not Move.PUBLISH:
        return order
    report = desk.asked(Actor(order.actor, order.by), order.id, order.match, order.move)
    refuse_broken(report, order.reason)
    return replace(order, gate=summary(report) if report else None)
