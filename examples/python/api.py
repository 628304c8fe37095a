"""A call to the server's REST API, by Python's standard library alone."""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

SERVER = os.environ.get("SAYSELF_SERVER", "http://127.0.0.1:7590")
SECONDS_MAX = 60


def address(*parts, **query):
    """The address of a thing: parts of its path, each encoded, and a query without what is None."""
    path = "/".join(urllib.parse.quote(part, safe="") for part in parts)
    query = urllib.parse.urlencode({key: value for key, value in query.items() if value is not None})
    return f"{SERVER}/api/{path}" + (f"?{query}" if query else "")


def call(where, body=None):
    """What an address answers, from JSON. With `body`, it is sent there as JSON.

    A failure ends the program with what went wrong and what to do about it.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(where, data, {"Content-Type": "application/json"} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        sys.exit(f"{problem['title']}: {problem['detail']} {problem['next']}")
    except urllib.error.URLError as error:
        sys.exit(f"{where}: {error.reason}. Is the server running? Name it by SAYSELF_SERVER.")


def pages(field, *parts, **query):
    """All rows of a list, page by page."""
    cursor = None
    while True:
        page = call(address(*parts, cursor=cursor, limit=200, **query))
        yield from page[field]
        cursor = page["next"]
        if cursor is None:
            return
