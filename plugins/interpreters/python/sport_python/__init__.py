"""The Python interpreter of Sport: agent code runs in here, inside a WebAssembly component.

Where to look:

* `app`      what the component exports: `describe` and `run`
* `session`  one run from start to end: what is set up before it and cleaned up after it
* `runner`   compiles a piece of code, executes it, finds the value of its last expression
* `answer`   `final_answer`
* `tools`    the host's tools as Python functions, and `ToolError`
* `display`  `display`
* `streams`  standard input, output and error
* `files`    `open`, with names looked up among the task's files too
* `errors`   exceptions as a model should read them
* `values`   Python values as JSON, as text, and as short text
* `process`  what agent code may have bent (built-ins, working directory, …), put back
* `event_loop`  the loop behind `asyncio.run`
* `stdlib`   the standard library modules that are part of the component

Only `app`, `tools`, `streams` and `display` talk to the host. Nothing here is a security border: that is
the component itself. The care taken is for honest code: what one step breaks must not break the next.
"""
