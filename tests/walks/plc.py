"""``python -m tests.walks.plc FOLDER [s7]``: the PLC at 10.0.0.5 that documents connect to; a part a second.

It offers its values in clear to whoever wants no secret, and encrypted with the certificate ``own/plc1`` that
`fieldlab pki` issued to it in FOLDER; user ``gw`` may log in. ``s7``: with the names of an S7-1500.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

from tests.walks.world import PLC

URIS = {"": "urn:example:mill", "s7": "http://www.siemens.com/simatic-s7-opcua"}
PASSWORD = "only-for-tests"
_VALUES: dict[str, dict[str, Any]] = {
    "": {"mill.State": 1, "mill.TotalCount": 100, "mill.GoodCount": 97, "mill.Power": 4.5,
         "mill.SpindleTemp": 41.0},
    "s7": {'"Line"."State"': 1, '"Line"."Total"': 100, '"Line"."Scrap"': 3, '"Meter"."ActivePower"': 4500.0},
}  # fmt: skip


class Door(UserManager):
    """Nobody in particular, or gw with the right password."""

    def get_user(
        self, _session: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        """Who comes in."""
        del certificate
        known = username is None or (username, password) == ("gw", PASSWORD)
        return User(role=UserRole.User) if known else None


async def serve(pki: Path, like: str) -> None:
    """Until it is killed."""
    server = Server(user_manager=Door())
    await server.init()
    server.set_endpoint(f"opc.tcp://{PLC}:4840")
    await server.set_application_uri("urn:plc1:server")
    policies = [ua.SecurityPolicyType.NoSecurity]
    if (pki / "own" / "plc1.der").exists():
        policies += [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
        await server.load_certificate(str(pki / "own" / "plc1.der"))
        await server.load_private_key(str(pki / "own" / "plc1.key"), format="pem")
    server.set_security_policy(policies)
    index = await server.register_namespace(URIS[like])
    mill = await server.nodes.objects.add_object(ua.NodeId("mill", index), "mill")
    nodes = []
    for name, value in _VALUES[like].items():
        node = await mill.add_variable(ua.NodeId(name, index), name.split(".")[-1].strip('"'), value)
        nodes.append((node, name, value))
    async with server:
        print("serving", flush=True)
        for n in range(10**9):
            for node, name, value in nodes:
                if "Total" in name or "Good" in name:
                    await node.write_value(value + n)
            await asyncio.sleep(1)


if __name__ == "__main__":
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    asyncio.run(serve(Path(sys.argv[1]), "".join(sys.argv[2:])))
