"""What a platform builds first: FastAPI, one sentence-transformers encoder, a scikit-learn head for each tenant.

    python heads_server.py CHECKPOINT TEXTS.json TENANTS CLASSES STYLE WORKERS THREADS

STYLE: how a request reaches the encoder. `pool`: an endpoint that FastAPI runs in its threads. `loop`: one that runs in
the event loop, so that requests don't fight for the cores. `batch`: requests that wait are encoded together, at most 32,
which such a server does where somebody has spent a week on it.

Prints `http://127.0.0.1:PORT`, once for each worker when it can answer. The log of requests is off.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import threading

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer, models
from sklearn.linear_model import LogisticRegression

checkpoint, source, tenants, classes, style, workers, threads = sys.argv[1:8]
PORT = "HEADS_SERVER_PORT"


class Request(BaseModel):
    model: str
    input: str


def create_app():
    torch.set_num_threads(int(threads))
    transformer = models.Transformer(checkpoint, max_seq_length=256)
    pooling = models.Pooling(transformer.get_word_embedding_dimension(), "mean")
    encoder = SentenceTransformer(modules=[transformer, pooling, models.Normalize()], device="cpu")
    encode = lambda texts: encoder.encode(texts, batch_size=32, show_progress_bar=False)
    texts = json.load(open(source, encoding="utf8"))
    vectors = encode(texts)
    random = np.random.default_rng(0)
    labels = np.arange(len(texts)) % int(classes)
    heads = {
        f"tenant-{tenant}": LogisticRegression(max_iter=50).fit(vectors, random.permutation(labels))
        for tenant in range(int(tenants))
    }
    names = [f"label-{label}" for label in range(int(classes))]

    def head_of(key):
        if key not in heads:
            raise HTTPException(401)
        return heads[key]

    def answer(request, head, vector):
        scores = head.predict_proba(vector[None])[0].tolist()
        best = max(range(len(scores)), key=scores.__getitem__)
        row = {"label": names[best], "score": scores[best], "scores": dict(zip(names, scores))}
        return {"object": "list", "model": request.model, "data": [row]}

    app = FastAPI()
    waiting = []
    wake = asyncio.Event()

    async def encode_together():
        while True:
            await wake.wait()
            batch = waiting[:32]
            del waiting[:32]
            if not waiting:
                wake.clear()
            found = await asyncio.to_thread(encode, [text for text, _ in batch])
            for (_, future), vector in zip(batch, found):
                if not future.done():
                    future.set_result(vector)

    if style == "pool":

        @app.post("/v1/classify")
        def classify(request: Request, x_api_key: str = Header()):
            return answer(request, head_of(x_api_key), encode(request.input))

    elif style == "loop":

        @app.post("/v1/classify")
        async def classify(request: Request, x_api_key: str = Header()):
            return answer(request, head_of(x_api_key), encode(request.input))

    else:

        @app.post("/v1/classify")
        async def classify(request: Request, x_api_key: str = Header()):
            head = head_of(x_api_key)
            future = asyncio.get_running_loop().create_future()
            waiting.append((request.input, future))
            wake.set()
            return answer(request, head, await future)

    async def started():
        if style == "batch":
            app.state.batches = asyncio.create_task(encode_together())
        print(f"http://127.0.0.1:{os.environ[PORT]}", flush=True)

    app.router.on_startup.append(started)
    return app


def end_with_parent():
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ[PORT] = str(free.getsockname()[1])
    uvicorn.run(
        "heads_server:create_app",
        factory=True,
        app_dir=os.path.dirname(os.path.abspath(__file__)),
        port=int(os.environ[PORT]),
        workers=int(workers),
        access_log=False,
        log_level="warning",
    )
