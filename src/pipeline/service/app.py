"""The BentoML service: loads the model, mounts the endpoints, logs predictions by BentoML's monitoring."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
import msgspec
from bentoml.exceptions import BentoMLConfigException
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pipeline import params
from pipeline.errors import PipelineError
from pipeline.service import log, metrics, openapi, predictor
from pipeline.service.endpoints import Post
from pipeline.service.log_files import LogFiles
from pipeline.service.metrics import Metrics
from pipeline.service.predictor import Predictor

FOLDER_VARIABLE = "PIPELINE_LOG_FOLDER"
routes = Starlette()


class Direct(bentoml.Service[Any]):
    """A BentoML service whose predictions do not pass through BentoML's middleware."""

    def to_asgi(self, is_main: bool = True) -> Any:
        app = super().to_asgi(is_main)
        direct = {}

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            if not direct and scope["type"] != "lifespan":
                direct.update({r.path: r.app for r in routes.routes if isinstance(r.app, Post)})
            await direct.get(scope.get("path"), app)(scope, receive, send)

        return dispatch


@bentoml.service(
    name="pipeline",
    workers=1,
    service_class=Direct,
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(routes)
class Service:
    """Predictions of the model in `models/`."""

    def __init__(self) -> None:
        try:
            self._served = predictor.load(Path())
        except PipelineError as error:
            raise BentoMLConfigException(str(error)) from None
        self._metrics = Metrics(self._served.release["release"])
        self._log = {"monitor_class": log.PredictionLog, "monitor_options": self._log_options()}
        limit = self._served.serve.max_body
        routes.routes.extend(
            [
                Route("/predict", Post("/predict", self._predict, self._metrics, limit)),
                Route("/explain", Post("/explain", self._explain, self._metrics, limit, threaded=True)),
                Route("/release", _fixed(msgspec.json.encode(self._served.release))),
                Route("/metrics", _metrics),
                Route("/docs.json", _fixed(msgspec.json.encode(openapi.describe(self._served)))),
                Route("/", lambda _: HTMLResponse(openapi.PAGE)),
            ]
        )

    def _predict(self, body: bytes, request_id: str, replay: bool, began: float) -> bytes:
        content, rows, told = self._served.predict(body, request_id)
        self._metrics.rows.inc(len(rows))
        if not replay:
            milliseconds = round((time.perf_counter() - began) * 1000, 3)
            record = log.Record(time.time(), self._served.release["release"], milliseconds, rows, told)
            with bentoml.monitor(log.NAME, **self._log) as monitor:
                monitor.log_table([record], {})
        return content

    def _explain(self, body: bytes, request_id: str, replay: bool, began: float) -> bytes:
        return self._served.explain(body, request_id)

    def _log_options(self) -> dict[str, Any]:
        chosen = self._served.serve.log
        folder = Path(os.environ.get(FOLDER_VARIABLE) or chosen.folder)
        worker = bentoml.server_context.worker_index or 1
        files = LogFiles(folder, worker, int(chosen.rotate_mb * 2**20), chosen.keep)
        features = _features(self._served, chosen)
        return {"files": files, "features": features, "lost": self._metrics.lost.inc}

    @bentoml.on_shutdown
    def close(self) -> None:
        """Write what the log still holds."""
        with bentoml.monitor(log.NAME, **self._log) as monitor:
            if isinstance(monitor, log.PredictionLog):
                monitor.close()


def _features(served: Predictor, chosen: params.ServeLog) -> Callable[[Any], Any]:
    """What is logged of a row: all of it, or without the columns that are left out."""
    if not chosen.omit:
        return lambda row: row
    names = [column.name for column in served.rows.ordered]
    left_out = set(chosen.omit)
    return lambda row: {
        name: value
        for name, value in zip(names, msgspec.structs.astuple(row), strict=True)
        if name not in left_out
    }


def _metrics(_: Any) -> Response:
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


def _fixed(content: bytes) -> Callable[[Any], Response]:
    return lambda _: Response(content, media_type="application/json")
