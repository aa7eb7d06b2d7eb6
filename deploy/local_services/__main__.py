"""`python deploy/local_services`: install or start Kafka and Redis from a shell."""

import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

# Started by its path, a folder is not a package yet: let `local_services` be found beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from local_services import LocalKafka, LocalRedis, ServiceError, install_services, prepare_start


def main() -> int:
    """Run the command line; returns the exit status."""
    arguments = _arguments()
    try:
        if arguments.command == "install":
            install_services()
            prepare_start()
            return 0
        return _run(arguments)
    except ServiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    folder: Path | None = arguments.folder
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    with ExitStack() as servers:
        if not arguments.without_redis:
            redis_folder = None if folder is None else folder / "redis"
            redis = servers.enter_context(LocalRedis(redis_folder, arguments.redis_port))
            print(f"Redis  {redis.url}  (folder {redis.folder})", flush=True)
        if not arguments.without_kafka:
            kafka_folder = None if folder is None else folder / "kafka"
            kafka = servers.enter_context(LocalKafka(kafka_folder, arguments.kafka_port, heap=arguments.heap))
            print(f"Kafka  {kafka.bootstrap_servers}  (folder {kafka.folder})", flush=True)
        print("Ready. Ctrl-C stops both.", flush=True)
        signal.pause()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_services", description="Kafka and Redis without Docker.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="download and install what is missing, then end")
    run = commands.add_parser("run", help="start both in the foreground until Ctrl-C or SIGTERM")
    run.add_argument("--kafka-port", type=int, default=9092)
    run.add_argument("--redis-port", type=int, default=6379)
    run.add_argument(
        "--folder", type=Path, help="keep the data here (default: a temporary folder, removed at the end)"
    )
    run.add_argument("--heap", default="1g", help="the broker's JVM heap")
    run.add_argument("--without-kafka", action="store_true")
    run.add_argument("--without-redis", action="store_true")
    return parser.parse_args()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
