"""One subscription for everybody who waits."""

from uuid import uuid4

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError

from sidecar.adapters.change_feed import ChangeFeed
from sidecar.adapters.redis import CHANGES, connect, publish_changes
from sidecar.instance.readiness import wait_until
from sidecar.kernel.settings import Settings


@pytest.fixture
def redis(app: Flask) -> Redis:
    found: Redis = app.extensions["readingroom.redis"]
    return found


def listeners(redis: Redis) -> int:
    return int(redis.pubsub_numsub(CHANGES)[0][1])


def test_many_wait_on_one_connection_and_each_hears_its_own(settings: Settings, redis: Redis) -> None:
    feed, one, other = ChangeFeed(connect(settings.redis_url)), uuid4(), uuid4()
    before = listeners(redis)
    with feed.listening(one) as mine, feed.listening(one) as also, feed.listening(other) as foreign:
        assert listeners(redis) == before + 1
        publish_changes(redis, [one])
        assert mine.heard(2)
        assert also.heard(2)
        assert not foreign.heard(0)
        publish_changes(redis, [one, other])
        assert foreign.heard(2)
    wait_until(lambda: listeners(redis) == before, seconds=30, what="the end of the subscription")
    with feed.listening(one) as again:
        publish_changes(redis, [one])
        assert again.heard(2)


def test_losing_redis_wakes_everybody(settings: Settings) -> None:
    client = connect(settings.redis_url)
    with ChangeFeed(client).listening(uuid4()) as ear:
        newest = max(client.client_list(_type="pubsub"), key=lambda each: int(each["id"]))
        client.client_kill_filter(_id=newest["id"])
        assert ear.heard(5)
        assert ear.lost


def test_without_redis_nobody_waits_in_vain() -> None:
    with pytest.raises(RedisError), ChangeFeed(connect("redis://127.0.0.1:1/0")).listening(uuid4()):
        pass
