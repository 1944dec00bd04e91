"""tmp"""
import time, sys
from libs.common.tests.crash_lanes import lane, worlds
from libs.common.tests.crash_world import SCENARIOS
from libs.common.tests import crash_source
async def test_x(infra):
    seen=set()
    async with worlds(infra) as w, lane() as l:
        for s in SCENARIOS:
            job = await w.made(s, l)
            t=time.perf_counter()
            e = await l.live(job)
            dt=time.perf_counter()-t
            h = await l.live(job.healing()) if s.name=="shutdown" else None
            wr = (await w.verdict(job, h or e)).wrong
            new=set(e.passed)-seen; seen|=set(e.passed)
            print(s.name, e.code, e.died_at, len(e.passed), "new", len(new), round(dt,3), h and h.code, wr, file=sys.stderr, flush=True)
    reached=set()
    for k in seen:
            if " @ " in k: reached |= set(k.split(" @ ",1)[1].split(" >> "))
    print(len(seen), file=sys.stderr)
    for p in crash_source.kernel_modules().values():
        for n in crash_source.awaits_of(p):
            if n not in reached: print("UNREACHED", n, file=sys.stderr)

    from pathlib import Path; Path("/tmp/m.txt").write_text("\n".join(sorted(seen)))
