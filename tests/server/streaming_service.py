"""The service that the tests of streams serve, and how they read what it sends."""

from __future__ import annotations

SERVICE = '''
import asyncio
import contextvars
import os
import time

import bentoml
from bentoml.adapters import JsonInput
from bentoml.types import InferenceError, InferenceResult

caller = contextvars.ContextVar("caller", default="nobody")


def note(path, line):
    with open(path, "a") as file:
        print(line, file=file)


class Streams(bentoml.BentoService):
    @bentoml.api(input=JsonInput())
    def values(self, values):
        yield from values

    @bentoml.api(input=JsonInput())
    async def values_async(self, values):
        for value in values:
            await asyncio.sleep(0)
            yield value

    @bentoml.api(input=JsonInput())
    def raw(self, sizes):
        for size in sizes:
            yield b"x" * size

    @bentoml.api(input=JsonInput())
    def script(self, steps):
        for step in steps:
            if step == "raise":
                raise ValueError("no luck")
            if step == "exit":
                raise SystemExit("over")
            if step == "die":
                os._exit(9)
            if step == "result":
                yield InferenceResult(http_status=201, http_headers={"X-Extra": "yes"})
            elif step == "refusal":
                yield InferenceError(http_status=422, err_msg="not this one")
            elif isinstance(step, float):
                time.sleep(step)
            else:
                yield step

    @bentoml.api(input=JsonInput())
    async def script_async(self, steps):
        for step in steps:
            if step == "raise":
                raise ValueError("no luck")
            if step == "cancel":
                raise asyncio.CancelledError
            if step == "die":
                os._exit(9)
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    @bentoml.api(input=JsonInput())
    def flood(self, order):
        """Writes down how far it has come, and that it was stopped."""
        try:
            for number in range(order["count"]):
                note(order["file"], number)
                yield b"%08d" % number * (order["size"] // 8)
        finally:
            note(order["file"], "finally")

    @bentoml.api(input=JsonInput())
    async def flood_async(self, order):
        try:
            for number in range(order["count"]):
                note(order["file"], number)
                yield b"%08d" % number * (order["size"] // 8)
        finally:
            note(order["file"], "finally")

    @bentoml.api(input=JsonInput())
    def until_let_go(self, order):
        try:
            yield "first"
            while not os.path.exists(order["release"]):
                time.sleep(0.01)
                yield ""
            yield "last"
        finally:
            note(order["file"], "finally")

    @bentoml.api(input=JsonInput())
    async def until_let_go_async(self, order):
        try:
            yield "first"
            while not os.path.exists(order["release"]):
                await asyncio.sleep(0.01)
            yield "last"
        finally:
            note(order["file"], "finally")

    @bentoml.api(input=JsonInput())
    def dies_once(self, file):
        if not os.path.exists(file):
            note(file, "died")
            os._exit(9)
        yield "second try"

    @bentoml.api(input=JsonInput())
    def plain(self, value):
        return value

    @bentoml.api(input=JsonInput())
    def pid(self, value):
        return os.getpid()

    @bentoml.api(input=JsonInput())
    def plain_wait(self, order):
        note(order["file"], "begun")
        while not os.path.exists(order["release"]):
            time.sleep(0.01)
        return "done"

    @bentoml.api(input=JsonInput())
    def who(self, name):
        before = caller.get()
        caller.set(name)
        return before

    @bentoml.api(input=JsonInput())
    async def who_async(self, name):
        before = caller.get()
        caller.set(name)
        await asyncio.sleep(0.01)
        return [before, caller.get()]

    @bentoml.api(input=JsonInput())
    def who_stream(self, name):
        yield caller.get()
        caller.set(name)
        yield caller.get()

    @bentoml.api(input=JsonInput())
    async def wait(self, order):
        """Waits until a file is there; writes down how it ends."""
        note(order["file"], "begun")
        try:
            while not os.path.exists(order["release"]):
                await asyncio.sleep(0.01)
            note(order["file"], "done")
        except asyncio.CancelledError:
            note(order["file"], "cancelled")
            raise
        return "done"

    @bentoml.api(input=JsonInput(), batch=True, mb_max_batch_size=1)
    async def wait_batch(self, orders):
        return [await self.wait(order) for order in orders]

    @bentoml.api(input=JsonInput())
    async def cancels_itself(self, value):
        raise asyncio.CancelledError
'''
