"""A worker process: it loads the bundle, runs the calls of the front, and ends with its parent."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from bentoml.server.logs.prediction_log import configured_settings, record_predictions
from bentoml.server.metrics.registry_report import is_used
from bentoml.server.processes.child import FAILED_EXIT_CODE, READY, ChildContext, run_on_fast_loop
from bentoml.server.processes.signals import END
from bentoml.server.tracing.trace_export import start_export
from bentoml.server.transport import wire
from bentoml.server.workers.call_runner import CallRunner
from bentoml.server.workers.plain_lane import PlainLane

if TYPE_CHECKING:
    from bentoml.server.metrics.registry_report import Inherited
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.tracing.trace_export import TraceExport
    from bentoml.server.tracing.worker_tracing import WorkerTraces
    from bentoml.service import BentoService

# Run as a script this module's own name would be `__main__`, whose records no handler of ours takes.
logger = logging.getLogger("bentoml.server.worker")


def _traces_of(service: BentoService, export: TraceExport) -> WorkerTraces:
    from bentoml.server.tracing.front_tracing import as_tracer
    from bentoml.server.tracing.worker_tracing import WorkerTraces

    traces = WorkerTraces(as_tracer(export.provider))
    for api in service.inference_apis:
        if not api.is_stream:
            api.surround(partial(traces.calling, api.name))
    return traces


async def _run(
    context: ChildContext, service: BentoService, options: ServeOptions, inherited: Inherited | None
) -> None:
    loop = asyncio.get_running_loop()
    export = start_export(service.name, service.version, "worker")
    runner = CallRunner(service, loop, inherited, None if export is None else _traces_of(service, export))
    if options.debug:
        runner.show_tracebacks(on_unix_socket=options.uds is not None)
    context.end_with_parent(loop, lambda: os._exit(1))
    loop.add_signal_handler(END, runner.end)
    warming = loop.create_task(runner.warm_up(options.worker_timeout_s))
    awaited: set[asyncio.Future[Any]] = {warming, runner.ended}
    await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    if runner.ended.done():
        context.flush_logs()
        os._exit(0)
    # What the model has brought along, also with its first call, is here to stay; the collector need not look at it
    # again and again.
    gc.collect()
    gc.freeze()
    # From here on, so that calls of the warm-up are no predictions.
    if context.log_pipe is not None:
        record_predictions(service, configured_settings(quiet=options.quiet), context.log_pipe.send)
    lane = PlainLane(context.socket_path, runner.run_plainly)
    lane.start(warming.result())
    transport, protocol = await loop.create_unix_connection(
        lambda: wire.FrameProtocol(runner.on_frame, runner.on_lost), str(context.socket_path)
    )
    context.keep_from_forks(transport.get_extra_info("socket").fileno(), lane.fileno())
    protocol.send(wire.pack([wire.HELLO, os.getpid(), runner.facts(), context.generation, is_used()]))
    context.say(READY)
    await runner.ended
    await runner.say_last(protocol)
    if export is not None:
        await export.flush()
    # A plain function may still run for a caller that is gone; nobody waits for it.
    context.flush_logs()
    os._exit(0)


def load_service(context: ChildContext, options: ServeOptions) -> BentoService:
    """The service in the bundle, ready to be called; the process ends, and says why, when it cannot be loaded."""
    try:
        from bentoml.saved_bundle import load

        # The parent has checked the files before it started us.
        service = load(str(options.bundle_path), verify=False, allow_pickle=options.allow_pickle)
        for api in service.inference_apis:
            api.input_adapter.prepare()
            api.output_adapter.prepare()
    except (Exception, SystemExit) as error:  # the door to the bundle's own code
        logger.exception("The bundle %s cannot be loaded", options.bundle_path)
        context.say_failed(f"{type(error).__name__}: {error}")
        sys.exit(FAILED_EXIT_CODE)
    return service


def serve_calls(
    context: ChildContext, options: ServeOptions, service: BentoService, inherited: Inherited | None = None
) -> None:
    """Run what the front sends, until it is gone."""
    run_on_fast_loop(_run(context, service, options, inherited))


def main(argv: list[str]) -> None:
    """Run a worker: `RUNTIME_DIR GENERATION STATUS_FD LIFELINE_FD`."""
    context = ChildContext.from_argv(argv)
    context.die_with_parent()
    options = context.read_options()
    context.configure_logging(options)
    serve_calls(context, options, load_service(context, options))


if __name__ == "__main__":
    main(sys.argv[1:])
