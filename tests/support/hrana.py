"""The tests' own way to read a remote cache: Hrana over HTTP with nothing of walbridge in it."""

import base64
import http.client
import json


class HranaError(RuntimeError):
    pass


def _decode(value):
    kind = value["type"]
    if kind == "null":
        return None
    if kind == "integer":
        return int(value["value"])
    if kind == "float":
        return float(value["value"])
    if kind == "text":
        return value["value"]
    if kind == "blob":
        text = value["base64"]
        return base64.b64decode(text + "=" * (-len(text) % 4))
    raise HranaError(f"unknown value type {kind}")


def _encode(value):
    if value is None:
        return {"type": "null"}
    if isinstance(value, bool):
        raise TypeError("SQLite has no booleans")
    if isinstance(value, int):
        return {"type": "integer", "value": str(value)}
    if isinstance(value, float):
        return {"type": "float", "value": value}
    if isinstance(value, bytes):
        return {"type": "blob", "base64": base64.b64encode(value).decode().rstrip("=")}
    return {"type": "text", "value": value}


class HranaClient:
    """One batch per request, the subset that sqld and tursodb share. Values keep their storage class:
    int, float, str, bytes or None. `closes`: ends the stream with the request, which sqld wants (it would keep a
    connection for each) and tursodb does not know."""

    def __init__(self, host, port, token=None, timeout=30, namespace=None, closes=True):
        self.host, self.port, self.token, self.timeout, self.namespace = host, port, token, timeout, namespace
        self.closing = [{"type": "close"}] if closes else []

    def batch(self, statements):
        """Runs `(sql, arguments)` pairs in one read transaction; all results, or the first error."""
        everything = [("BEGIN", ())] + list(statements) + [("COMMIT", ())]
        steps = []
        for number, (sql, arguments) in enumerate(everything):
            step = {"stmt": {"sql": sql, "args": [_encode(a) for a in arguments], "want_rows": True}}
            if number:
                step["condition"] = {"type": "ok", "step": number - 1}
            steps.append(step)
        steps.append({"condition": {"type": "not", "cond": {"type": "ok", "step": len(steps) - 1}},
                      "stmt": {"sql": "ROLLBACK", "want_rows": False}})
        result = self._post({"baton": None, "requests": [{"type": "batch", "batch": {"steps": steps}}, *self.closing]})
        for error in result["step_errors"][:len(everything)]:
            if error is not None:
                raise HranaError(error["message"])
        return [[tuple(_decode(v) for v in row) for row in step["rows"]] for step in result["step_results"][1:-2]]

    def query(self, sql, arguments=()):
        return self.batch([(sql, arguments)])[0]

    def execute(self, sql, arguments=()):
        steps = [{"stmt": {"sql": sql, "args": [_encode(a) for a in arguments], "want_rows": True}}]
        result = self._post({"baton": None, "requests": [{"type": "batch", "batch": {"steps": steps}}, *self.closing]})
        if result["step_errors"][0] is not None:
            raise HranaError(result["step_errors"][0]["message"])
        return [tuple(_decode(v) for v in row) for row in result["step_results"][0]["rows"]]

    def _post(self, body):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            headers = {"Content-Type": "application/json"}
            if self.namespace:
                headers["Host"] = f"{self.namespace}.localhost:{self.port}"
            if self.token:
                headers["Authorization"] = f"Bearer {self.token}"
            connection.request("POST", "/v2/pipeline", json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            raise HranaError(f"HTTP {response.status}: {text[:500]}")
        result = json.loads(text)["results"][0]
        if result["type"] != "ok":
            raise HranaError(result["error"]["message"])
        return result["response"]["result"]
