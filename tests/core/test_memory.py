import subprocess
import sys

import pytest

# Half of the blocks of each size are freed again, in threads that go on: what a process still holds then, in MB.
HELD = """
import sys, threading
from core import memory
if sys.argv[1] == "bounded":
    memory.return_freed()
done = threading.Event()
def work():
    for size in (1 << 20, 8 << 20, 24 << 20):
        blocks = [bytearray(size) for _ in range((48 << 20) // size)]
        kept.append(bytearray(1000))
        del blocks
    ready.release()
    done.wait()
kept, ready = [], threading.Semaphore(0)
for _ in range(8):
    threading.Thread(target=work).start()
    ready.acquire()
print(int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) // 1024)
done.set()
"""


def held_mb(how: str) -> int:
    return int(subprocess.run([sys.executable, "-c", HELD, how], check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_goes_back_to_the_system():
    assert held_mb("bounded") <= held_mb("as it is") / 2
