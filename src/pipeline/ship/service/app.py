"""The BentoML service: loads the model, mounts the endpoints, logs predictions by BentoML's monitoring."""

import gc
import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import bentoml
import msgspec
from bentoml.exceptions import BentoMLConfigException
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pipeline.core.errors import PipelineError
from pipeline.ship.service import log, openapi, predictor, prometheus
from pipeline.ship.service.endpoints import Post, Request
from pipeline.ship.service.log_files import LogFiles
from pipeline.ship.service.predictor import Read
from pipeline.ship.service.prometheus import Metrics
from pipeline.ship.service.together import Together

FOLDER_VARIABLE = "PIPELINE_LOG_FOLDER"
routes = Starlette()
endpoints: dict[str, Post] = {}


class Direct(bentoml.Service):  # type: ignore[misc]  # BentoML types it as Any
    """A BentoML service whose POST endpoints bypass BentoML's middleware; docs/explanation/serving.md says why."""

    def to_asgi(self, is_main: bool = True) -> Any:
        app = super().to_asgi(is_main)
        logging.getLogger("uvicorn.access").propagate = False  # it is not printed, so uvicorn need not format it

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            handler = endpoints.get(scope["path"], app) if scope["type"] == "http" else app
            await handler(scope, receive, send)

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
            self._predictor = predictor.load(Path())
        except PipelineError as error:
            raise BentoMLConfigException(str(error)) from None
        self._metrics = Metrics(self._predictor.release["release"])
        with bentoml.monitor(log.NAME, log.CLASS, self._log_options()) as monitor:
            self._monitor = monitor  # looking it up for each request would cost more than a prediction
        limit = self._predictor.serve.max_body
        endpoints["/predict"] = Post("/predict", Together(self._read), self._metrics, limit)
        endpoints["/explain"] = Post("/explain", self._explain, self._metrics, limit)
        routes.routes.extend(
            [
                *(Route(path, endpoint) for path, endpoint in endpoints.items()),
                Route("/release", _constant(msgspec.json.encode(self._predictor.release))),
                Route("/metrics", self._exposition),
                Route("/docs.json", _constant(msgspec.json.encode(openapi.describe(self._predictor)))),
                Route("/", lambda _: HTMLResponse(openapi.PAGE)),
            ]
        )
        gc.collect()
        gc.freeze()  # loaded objects stay for good: keep the garbage collector from scanning them

    def _read(self, requests: Sequence[Request]) -> Sequence[Callable[[], bytes]]:
        """What answers each request."""
        if len(requests) == 1:
            return [partial(self._predict, requests[0])]
        reads = self._predictor.read_together([request.body for request in requests])
        return [partial(self._predict, request, read) for request, read in zip(requests, reads, strict=True)]

    def _predict(self, request: Request, read: Read | None = None) -> bytes:
        predicted = self._predictor.predict(request.body, request.request_id, request.replay, read)
        self._metrics.count_rows(len(predicted.rows), predicted.flagged, predicted.with_retired)
        if not request.replay:
            milliseconds = round((time.perf_counter() - request.started) * 1000, 3)
            release = self._predictor.release["release"]
            record: Any = log.Record(
                time.time(), release, milliseconds, predicted.body, predicted.rows, predicted.lines, *request.caller
            )
            self._monitor.log_table([record], {})
        return predicted.content

    async def _explain(self, request: Request) -> bytes:
        return await anyio.to_thread.run_sync(self._predictor.explain, request.body, request.request_id)

    async def _exposition(self, _: Any) -> Response:
        self._metrics.flush()
        content = await anyio.to_thread.run_sync(prometheus.exposition, self._log_folder())
        return Response(content, media_type=prometheus.CONTENT_TYPE)

    def _log_folder(self) -> Path:
        return Path(os.environ.get(FOLDER_VARIABLE) or self._predictor.serve.log.folder)

    def _log_options(self) -> dict[str, Any]:
        options, folder = self._predictor.serve.log, self._log_folder()
        worker = bentoml.server_context.worker_index or 1
        files = LogFiles(folder, worker, int(options.rotate_mb * 2**20), options.keep, options.keep_days)
        rows = self._predictor.rows
        features = log.feature_encoder(rows.names, [*options.omit, *rows.retired])
        return {"files": files, "features": features, "lost": self._metrics.lost.inc}

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Write the records that wait in the log's queue."""
        if isinstance(self._monitor, log.PredictionLog):  # it may be switched off in BentoML's configuration
            self._monitor.close()


def _constant(content: bytes) -> Callable[[Any], Response]:
    return lambda _: Response(content, media_type="application/json")
