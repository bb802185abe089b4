"""The files of deploy/redis/ start real servers that do what their comments say."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import redis

from avnu.connection_options import retry
from avnu.embedded import bundled_binary, free_port
from avnu.server_check import check_server
from avnu.settings import Durability
from tests.support.acl import EVERYTHING, password
from tests.support.redis_conf import change, follow, place, serving
from tests.support.require import require
from tests.support.self_signed import self_signed
from tests.support.servers import REDIS, VALKEY
from tests.support.waiting import wait_until

NAMESPACE = "conf"
PORT = "port 6379"


def program(kind: str) -> str:
    return str(bundled_binary()) if kind == VALKEY else require("redis-server")


def client(port: int, user: str = EVERYTHING, **more: Any) -> redis.Redis:
    return redis.Redis(
        port=port,
        username=user,
        password=password(user),
        decode_responses=True,
        retry=retry(),
        **more,
    )


def setting(of: redis.Redis, name: str) -> str:
    found: Any = of.config_get(name)
    return str(found[name])


@pytest.mark.parametrize("kind", [VALKEY, REDIS])
def test_queue_conf_keeps_everything_and_avnu_accepts_it(kind: str, tmp_path: Path) -> None:
    place(tmp_path, NAMESPACE, before_7_2=kind == REDIS)
    conf, port = tmp_path / "queue.conf", free_port()
    change(conf, {PORT: f"port {port}"})
    with serving(program(kind), conf, client(port)), client(port) as admin:
        assert setting(admin, "maxmemory-policy") == "noeviction"
        assert setting(admin, "maxmemory") == str(2 * 1024**3)
        with client(port, "worker") as worker:
            durability = Durability.FSYNC if kind == VALKEY else Durability.MEMORY
            facts = check_server(worker, durability=durability)
            assert facts.append_only_file
            worker.set(f"{NAMESPACE}:probe", "kept")
        with (
            redis.Redis(port=port, retry=retry()) as nobody,
            pytest.raises(redis.AuthenticationError),
        ):
            nobody.ping()
    with serving(program(kind), conf, client(port)), client(port, "worker") as worker:
        assert worker.get(f"{NAMESPACE}:probe") == "kept"  # it was killed before


@pytest.mark.parametrize("kind", [VALKEY, REDIS])
def test_cache_conf_evicts_what_expires_and_nothing_else(kind: str, tmp_path: Path) -> None:
    place(tmp_path, NAMESPACE, before_7_2=kind == REDIS)
    conf, port = tmp_path / "cache.conf", free_port()
    change(conf, {PORT: f"port {port}", "maxmemory 512mb": "maxmemory 6mb"})
    with serving(program(kind), conf, client(port)), client(port) as admin:
        check_server(admin, cache=True)
        admin.set("stays", "x" * 1000)
        with client(port, "worker") as worker:
            for i in range(100):
                worker.set(f"{NAMESPACE}:ce:{i}", "x" * 100_000, ex=600)
        facts: Any = admin.info("stats")
        assert facts["evicted_keys"] > 0
        assert admin.get("stays") == "x" * 1000
        assert not (tmp_path / "appendonlydir").exists()


def test_a_replica_follows_and_a_sentinel_watches_as_their_users(tmp_path: Path) -> None:
    of = {name: tmp_path / name for name in ("primary", "replica", "sentinel")}
    ports = {name: free_port() for name in of}
    login = f"masterauth {password('replica')}\n"
    place(of["primary"], NAMESPACE, before_7_2=True, local=login)
    place(of["replica"], NAMESPACE, before_7_2=True, local=login)
    follow(of["replica"], "127.0.0.1", ports["primary"])
    place(of["sentinel"], NAMESPACE, before_7_2=True)
    for name in ("primary", "replica"):
        change(of[name] / "queue.conf", {PORT: f"port {ports[name]}"})
    watch = of["sentinel"] / "sentinel.conf"
    change(
        watch,
        {
            "port 26379": f"port {ports['sentinel']}",
            "sentinel monitor avnu redis-1.example.com 6379 2": (
                f"sentinel monitor avnu 127.0.0.1 {ports['primary']} 2"
            ),
            "sentinel auth-pass avnu put-the-password-of-the-user-sentinel-here": (
                f"sentinel auth-pass avnu {password('sentinel')}"
            ),
        },
    )
    server = program(REDIS)
    asking = redis.Redis(
        port=ports["sentinel"],
        password="put-your-sentinels-password-here",
        decode_responses=True,
        retry=retry(),
    )
    with (
        serving(server, of["primary"] / "replica.conf", client(ports["primary"])),
        serving(server, of["replica"] / "replica.conf", client(ports["replica"])),
        client(ports["primary"], "worker") as worker,
        client(ports["replica"], "metrics") as metrics,
    ):

        def follows() -> bool:
            found: Any = metrics.info("replication")
            return bool(found["master_link_status"] == "up")

        wait_until(follows, 20, "the replica follows")

        def written() -> bool:
            try:
                return bool(worker.set(f"{NAMESPACE}:probe", "x"))
            except redis.ResponseError as fault:
                # Until the primary has heard of its replica, which it asks for once a second.
                assert "NOREPLICAS" in str(fault)  # noqa: PT017
                return False

        wait_until(written, 20, "the primary takes writes once a replica follows")
        with serving(require("redis-sentinel"), watch, asking), asking:

            def seen() -> bool:
                state: Any = asking.sentinel_master("avnu")
                return bool(state["flags"] == "master" and state["num-slaves"] == 1)

            wait_until(seen, 30, "the Sentinel knows primary and replica")


@pytest.mark.parametrize("kind", [VALKEY, REDIS])
def test_a_promoted_primary_is_one_after_its_next_start(kind: str, tmp_path: Path) -> None:
    conf, port = a_server_of_a_group(kind, tmp_path)
    follow(tmp_path, "127.0.0.1", free_port())
    with serving(program(kind), conf, client(port)), client(port, "sentinel") as sentinel:
        assert role(sentinel) == "slave"
        # What a Sentinel sends.
        sentinel.execute_command("REPLICAOF", "NO", "ONE")
        sentinel.config_rewrite()
    with serving(program(kind), conf, client(port)), client(port, "metrics") as metrics:
        assert role(metrics) == "master"


@pytest.mark.parametrize("kind", [VALKEY, REDIS])
def test_in_a_group_an_admin_s_setting_stays_where_an_edited_file_does_nothing(
    kind: str, tmp_path: Path
) -> None:
    conf, port = a_server_of_a_group(kind, tmp_path)
    with serving(program(kind), conf, client(port)), client(port, "sentinel") as sentinel:
        sentinel.config_rewrite()
    change(tmp_path / "queue.conf", {"maxmemory 2gb": "maxmemory 3gb"})
    with serving(program(kind), conf, client(port)), client(port, "admin") as admin:
        assert setting(admin, "maxmemory") == str(2 * 1024**3)
        admin.config_set("maxmemory", "4gb")
        admin.config_rewrite()
    with serving(program(kind), conf, client(port)), client(port, "admin") as admin:
        assert setting(admin, "maxmemory") == str(4 * 1024**3)


@pytest.mark.parametrize("kind", [VALKEY, REDIS])
def test_alone_an_admin_s_setting_stays_too(kind: str, tmp_path: Path) -> None:
    place(tmp_path, NAMESPACE, before_7_2=kind == REDIS)
    conf, port = tmp_path / "queue.conf", free_port()
    change(conf, {PORT: f"port {port}"})
    with serving(program(kind), conf, client(port)), client(port, "admin") as admin:
        admin.config_set("maxmemory-policy", "volatile-lru")
        admin.config_rewrite()
    with serving(program(kind), conf, client(port)), client(port, "admin") as admin:
        assert setting(admin, "maxmemory-policy") == "volatile-lru"


def test_a_primary_without_replicas_takes_writes_when_an_admin_lets_it(tmp_path: Path) -> None:
    conf, port = a_server_of_a_group(REDIS, tmp_path)
    with (
        serving(program(REDIS), conf, client(port)),
        client(port, "worker") as worker,
        client(port, "admin") as admin,
    ):
        with pytest.raises(redis.ResponseError, match="NOREPLICAS"):
            worker.set(f"{NAMESPACE}:probe", "x")
        admin.config_set("min-replicas-to-write", "0")
        assert worker.set(f"{NAMESPACE}:probe", "x") is True


def a_server_of_a_group(kind: str, folder: Path) -> tuple[Path, int]:
    place(folder, NAMESPACE, before_7_2=kind == REDIS, local=f"masterauth {password('replica')}\n")
    port = free_port()
    change(folder / "queue.conf", {PORT: f"port {port}"})
    return folder / "replica.conf", port


def role(of: redis.Redis) -> str:
    found: Any = of.info("replication")
    return str(found["role"])


def test_tls_conf_leaves_no_plain_port(tmp_path: Path) -> None:
    place(tmp_path, NAMESPACE, before_7_2=True)
    tls = tmp_path / "tls"
    tls.mkdir()
    self_signed(tls / "server.pem", tls / "server.key")
    shutil.copy(tls / "server.pem", tls / "ca.pem")
    port = free_port()
    change(tmp_path / "tls.conf", {"tls-port 6379": f"tls-port {port}"})
    conf = tmp_path / "queue.conf"
    conf.write_text(conf.read_text() + f"include {tmp_path}/tls.conf\n")
    trusted: dict[str, Any] = {
        "ssl": True,
        "ssl_ca_certs": str(tls / "ca.pem"),
        "host": "localhost",
    }
    with serving(program(REDIS), conf, client(port, **trusted)), client(port, **trusted) as admin:
        assert setting(admin, "port") == "0"
        with client(port) as plain, pytest.raises(redis.ConnectionError):
            plain.ping()
