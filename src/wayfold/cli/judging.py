"""Who sees what becomes of the events that are sent to an address."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from kafka.errors import KafkaError

from wayfold.agents.destinations.addresses import http_url, kafka_settings
from wayfold.agents.files.http_verdicts import ANSWER_TIMEOUT_S, HttpVerdicts, HttpWatcher
from wayfold.agents.files.verdicts import Difference, Progress, Tally, VerdictsUnknownError, Watcher
from wayfold.agents.kafka.topic_bounds import TopicBounds
from wayfold.cli.zones import zones_of
from wayfold.exporters.api.cluster import ClusterNumbers
from wayfold.exporters.api.source import SourceUnavailableError
from wayfold.exporters.api.verdicts import verdicts_of
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import Settings


class ClusterVerdicts:
    """Asks the workers, whom Redis names, and Kafka where its topics end."""

    def __init__(self, numbers: ClusterNumbers, bounds: TopicBounds) -> None:
        self._numbers = numbers
        self._bounds = bounds

    async def tally(self) -> Tally:
        """Say what was judged up to now; raises VerdictsUnknownError."""
        try:
            # The ends first, so that whoever has come there has judged all that was there.
            bounds = await asyncio.to_thread(self._bounds.read)
            judged = await self._numbers.judged()
        except SourceUnavailableError as error:
            raise VerdictsUnknownError(str(error), may_pass=True) from None
        except KafkaError as error:
            raise VerdictsUnknownError(
                f"Kafka does not say where its topics end ({error!r})", may_pass=True
            ) from None
        verdicts = [verdicts_of(number, one) for number, one in judged.items()]
        return Tally(
            partitions=len(judged),
            # A worker begins where a topic begins; before its first record it names no offset.
            offsets=dict(bounds.begins)
            | {(number, kind): at for number, one in judged.items() for kind, at in one.offsets.items()},
            ends=bounds.ends,
            is_settled=False,
            counted=sum(each.accepted for each in verdicts),
            repeated=sum(each.repeated for each in verdicts),
            refused=sum((Counter(each.refused) for each in verdicts), Counter()),
        )


@asynccontextmanager
async def opened_watcher(
    address: str, settings: Settings, progress: Progress, *, wait: bool | None
) -> AsyncIterator[Watcher | None]:
    """Open who sees what becomes of events sent to an address; None for nobody, when it is not waited for.

    With `wait` None a Wayfold is asked over HTTP, and a cluster behind Kafka is not. Raises
    VerdictsUnknownError when there is nobody to wait for, TopicsError and BrokerUnreachableError.
    """
    url, kafka = http_url(address, settings), kafka_settings(address, settings)
    async with AsyncExitStack() as stack:
        if url is not None and wait is not False:
            over_http = HttpVerdicts(url)
            stack.push_async_callback(over_http.close)
            yield HttpWatcher(over_http, progress=progress)
        elif kafka is not None and wait:
            reader = RedisReader(settings.redis)
            stack.push_async_callback(reader.close)
            timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
            session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            token = settings.worker.token
            numbers = ClusterNumbers(
                reader,
                session,
                zone=zones_of(settings.fold),
                token=None if token is None else token.get_secret_value(),
            )
            bounds = await asyncio.to_thread(TopicBounds, kafka)
            stack.callback(bounds.close)
            yield Difference(ClusterVerdicts(numbers, bounds), progress=progress)
        elif wait:
            raise VerdictsUnknownError(f"Nobody judges what is sent to {address}: leave --wait out.")
        else:
            yield None
