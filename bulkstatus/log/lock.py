"""An exclusive lock on the log's own file: released by the system when its holder dies."""

import os
import sys

if sys.platform == "win32":
    import msvcrt

    # Windows locks are mandatory: a byte that the log never reaches leaves its text readable.
    _FAR = 2**62

    def try_lock(descriptor: int) -> bool:
        """Lock an open file; return False when another process holds the lock."""
        position = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, position, os.SEEK_SET)
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock an open file; return False when another process holds the lock."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
