"""A recommender to copy from: always asks for one replica more than there are.

    python recommender.py --addr 0.0.0.0:8089 [--tls-cert FILE --tls-key FILE [--client-ca FILE]]

`POST /autoscaling` answers a WorkloadRecommendationRequest with a WorkloadRecommendationReply;
`POST /autoscaling/redirect` answers 308, to try redirects with. See README.md beside this file.
"""

import argparse
import json
import ssl
from datetime import UTC, datetime
from typing import Any

from aiohttp import web


def recommend(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to `request`: put your own rule in here. Raises ValueError for a request that
    does not say how many replicas there are.
    """
    current = (request.get("state") or {}).get("currentReplicas")
    if not isinstance(current, int) or current < 1:
        raise ValueError("state.currentReplicas has to be a number above 0")
    return {
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "targetReplicas": current + 1,
        # Between these bounds nothing is urgent: the scaler's delays do not apply.
        "lowerBoundReplicas": current - 1,
        "upperBoundReplicas": current + 2,
        "reason": f"one more than the {current} there are",
    }


async def autoscaling(request: web.Request) -> web.Response:
    """`POST /autoscaling`."""
    try:
        asked = await request.json()
        if not isinstance(asked, dict):
            raise ValueError("the request has to be a JSON object")
        return web.json_response(recommend(asked))
    except (json.JSONDecodeError, UnicodeDecodeError, ValueError) as error:
        return web.Response(status=400, text=f"{error}\n")


async def redirect(_request: web.Request) -> web.Response:
    """`POST /autoscaling/redirect`: the same question again, at the address above."""
    return web.Response(status=308, headers={"Location": "/autoscaling"})


def application() -> web.Application:
    """The whole program without its socket."""
    app = web.Application()
    app.router.add_post("/autoscaling", autoscaling)
    app.router.add_post("/autoscaling/redirect", redirect)
    return app


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--addr", default="127.0.0.1:8089", help="where to listen")
    parser.add_argument("--tls-cert", help="serve HTTPS with this certificate")
    parser.add_argument("--tls-key", help="key of that certificate")
    parser.add_argument("--client-ca", help="only serve clients with a certificate of this CA")
    given = parser.parse_args()
    host, _, port = given.addr.rpartition(":")
    if not port.isdecimal():
        parser.error(f"--addr {given.addr}: an address such as 127.0.0.1:8089 is needed")
    if bool(given.tls_cert) != bool(given.tls_key) or (given.client_ca and not given.tls_cert):
        parser.error("--tls-cert and --tls-key belong together, --client-ca needs both")
    context = None
    if given.tls_cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=given.client_ca)
        context.load_cert_chain(given.tls_cert, given.tls_key)
        if given.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
    web.run_app(application(), host=host or None, port=int(port), ssl_context=context)


if __name__ == "__main__":
    main()
