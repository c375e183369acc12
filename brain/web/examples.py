"""Examples for /docs: one small gas leak, told in every shape the API has."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["DEVICE", "INCIDENT", "LOG", "QUARANTINED", "ROW"]

LOG: Final[dict[str, Any]] = {
    "at": "2026-05-01T00:00:03.000Z",
    "seq": 1,
    "op": "raise",
    "incident": "gas_leak-20260501T000003-0123456789",
    "scene": "safety_production",
    "event": "gas_leak",
    "level": "orange",
    "certainty": "likely",
    "reason": "level",
    "position": [120.3702, 36.0911],
    "area": None,
    "departments": {"act": ["gas_company", "site_operator", "fire_rescue"], "inform": []},
    "evidence": [
        {
            "modality": "meter",
            "sensor_type": "gas-detector",
            "device": "G1",
            "at": "2026-05-01T00:00:02.500Z",
            "summary": {"zh": "可燃气体 63 %LEL", "en": "Combustible gas 63 %LEL"},
            "weight": 4.0,
        }
    ],
    "report_count": 0,
    "count": 1,
    "plan": {},
    "headline": {"zh": "燃气泄漏", "en": "Gas leak"},
    "actions": {"zh": ["疏散并切断火源"], "en": ["Evacuate and remove sources of fire"]},
}

INCIDENT: Final[dict[str, Any]] = LOG | {
    "status": "Actual",
    "state": "raised",
    "raised_at": "2026-05-01T00:00:03.000Z",
    "updated_at": "2026-05-01T00:00:03.000Z",
    "cleared_at": None,
    "acknowledged_by": None,
    "acknowledged_at": None,
    "assigned_to": None,
    "shelved_until": None,
    "closed_at": None,
}

ROW: Final[dict[str, Any]] = {
    "sensor_type": "gas-detector",
    "device": "G1",
    "time": "2026-05-01T00:00:02.500Z",
    "received_at": "2026-05-01T00:00:02.613Z",
    "id": None,
    "lon": 120.3702,
    "lat": 36.0911,
    "alt_m": None,
    "height_m": None,
    "status": "ok",
    "lel_pct": 63.0,
    "gas": "CH4",
}

QUARANTINED: Final[dict[str, Any]] = {
    "id": "17",
    "received_at": "2026-05-01T00:00:04.000Z",
    "topic": "city/gas-detector/G1",
    "sensor_type": "gas-detector",
    "device": "G1",
    "reason": "out_of_range",
    "detail": "lel_pct: 365 is outside 0..100",
    "payload_base64": "eyJsZWxfcGN0IjozNjV9",
    "size": 15,
    "version": 1,
    "retries": 0,
}

DEVICE: Final[dict[str, Any]] = {
    "id": "G1",
    "sensor_type": "gas-detector",
    "family": "meter",
    "device_id": 1,
    "lon": 120.3702,
    "lat": 36.0911,
    "site": "RQ-07",
    "simulated": True,
    "name": {"zh": "燃气探测器 1", "en": "Gas detector 1"},
}
