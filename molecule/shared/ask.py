# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a model over plain HTTP again and again while a file exists, at most 120 seconds.

Reads {"url", "while", "user", "password", "ca"} as JSON from its standard input; the last three may be missing. Prints the number
of questions and the first failures as JSON.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
import urllib.request
from pathlib import Path

given = json.load(sys.stdin)
headers = {"Content-Type": "application/json"}
if given.get("user"):
    headers["Authorization"] = "Basic " + base64.b64encode(f"{given['user']}:{given['password']}".encode()).decode()
context = ssl.create_default_context(cafile=given["ca"]) if given.get("ca") else None
body = json.dumps({"parameters": {"messages": [{"role": "user", "content": "Ping"}]}}).encode()

asked, failed = 0, []
end = time.monotonic() + 120
while Path(given["while"]).exists() and time.monotonic() < end:
    asked += 1
    try:
        request = urllib.request.Request(given["url"], data=body, headers=headers, method="POST")  # noqa: S310 - http(s)
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310 - the same
            text = answer.read().decode()
        if "Pong." not in text:
            failed.append(text[:500])
    except OSError as error:
        failed.append(str(error))
    time.sleep(0.05)
print(json.dumps({"asked": asked, "failed": failed[:5]}))
