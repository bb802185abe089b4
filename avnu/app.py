"""The Celery application, its configuration with the reason of each setting, and the wiring.

Numbers in brackets (L2, D1 …) name a way in which Celery on Redis loses, doubles or delays a
message; the inbox makes all of them harmless, and these settings make them rare.
"""

import random
from typing import TYPE_CHECKING, Any

from celery import Celery, Task
from kombu import Queue

from avnu.clock import Clock, SystemClock
from avnu.connections import Connections
from avnu.gate import Gate
from avnu.inbox import Inbox
from avnu.inbox.bodies import Bodies
from avnu.jobs import beat_schedule
from avnu.leases import Leases
from avnu.per_process import PerProcess
from avnu.runtime import Runtime
from avnu.settings import Settings
from avnu.shopify.topics import AREAS
from avnu.wakeups import render_wakeups

if TYPE_CHECKING:
    from avnu.services import Services

# Loaded by workers and beat only: the receiver wakes tasks by name and loads none of them.
TASK_MODULES = (*(f"tasks.{area}" for area in AREAS), "tasks.maintenance")
MAINTENANCE_QUEUE = "maintenance"
QUEUES = (*AREAS, MAINTENANCE_QUEUE)

# A message may be held this long before Redis hands it to another worker (D1). Longer than the
# longest task, which the hard time limit ends.
_VISIBILITY_S = 3 * 60
# After the handler's own deadline: time to settle before the child is killed.
_GRACE_S = 15


class AvnuCelery(Celery):
    """Celery, plus the ``runtime`` its tasks work with."""

    runtime: Runtime


def runtime_of(task: Task[Any, Any]) -> Runtime:
    """The runtime of the app that runs this task."""
    app = task.app
    assert isinstance(app, AvnuCelery)
    return app.runtime


def create_app(settings: Settings, clock: Clock | None = None) -> AvnuCelery:
    """A configured app with its runtime. Opens no connection and loads no task module."""
    clock = clock or SystemClock()
    connections = Connections(settings)
    app = AvnuCelery("avnu", broker=connections.broker_url(), set_as_current=False)
    app.conf.update(configuration(settings, connections))
    inbox = _inbox(app, settings, connections, clock)
    chance = random.SystemRandom()

    def services() -> "Services":
        # Late: the receiver and beat never call Shopify, and need no database.
        from avnu.services import Services

        return Services(
            settings, connections, clock, chance,
            unpark=inbox.unpark, unpark_waiting=inbox.unpark_waiting, count=inbox.flush_counters,
            bodies=Bodies(inbox),
        )  # fmt: skip

    app.runtime = Runtime(
        settings, clock, connections, inbox, Leases(inbox, clock), Gate(), chance,
        PerProcess(services),
    )  # fmt: skip
    return app


def build_inbox(settings: Settings, connections: Connections, clock: Clock | None = None) -> Inbox:
    """The inbox alone, for the receiver and the command line."""
    app = Celery("avnu", broker=connections.broker_url(), set_as_current=False)
    app.conf.update(configuration(settings, connections))
    return _inbox(app, settings, connections, clock or SystemClock())


def _inbox(app: Celery, settings: Settings, connections: Connections, clock: Clock) -> Inbox:
    wakeups = render_wakeups(app, AREAS, key_prefix(settings))
    return Inbox(connections.inbox(), settings, clock, AREAS, wakeups)


def key_prefix(settings: Settings) -> str:
    """What stands before every key of the queue database."""
    return f"{settings.avnu_namespace}:"


def configuration(settings: Settings, connections: Connections) -> dict[str, Any]:
    """Celery's settings, each with its reason."""
    longest_task_s = settings.inbox_handler_seconds + _GRACE_S
    return {
        # --- messages: small, readable, without results
        "task_serializer": "json",
        "accept_content": ["json"],  # nothing else is ever decoded
        "task_ignore_result": True,  # the inbox holds the outcome; no backend to go down with (R1)
        "task_store_errors_even_if_ignored": False,
        "task_publish_retry": False,  # a publish whose answer was lost would be repeated (D3)
        # --- queues: one per area, dedicate a worker with -Q
        "task_queues": [Queue(name, routing_key=name) for name in QUEUES],
        "task_default_queue": MAINTENANCE_QUEUE,
        "task_routes": {f"tasks.{name}.*": {"queue": name} for name in QUEUES},
        "task_create_missing_queues": False,  # a misspelt -Q is an error, not a silent queue
        # --- workers
        "include": TASK_MODULES,
        "worker_consumer": "avnu.worker_consumer:Consumer",  # outlives a broker that is killed
        "worker_concurrency": settings.queue_concurrency,
        "worker_prefetch_multiplier": 1,  # a reserved message waits behind one worker's work (T9)
        "task_acks_late": True,  # with the line above: a worker holds just what it runs
        # The broker's redelivery is not relied on: the tick recovers a dead child's lease, while a
        # requeued message would find it still alive, in a loop without end (L6).
        "task_reject_on_worker_lost": False,
        "task_acks_on_failure": True,
        "task_time_limit": longest_task_s,  # ends a hung handler; its lease ends with it
        "worker_max_memory_per_child": 400_000,  # kB: a leak in a handler ends with its child
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # leases fence doubles (D2)
        "worker_send_task_events": True,  # what Flower shows
        "worker_hijack_root_logger": False,
        "worker_enable_remote_control": True,
        "worker_proc_alive_timeout": 30,
        # --- broker
        "broker_use_ssl": connections.broker_use_ssl(),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # the default gives up after 100 (T7)
        "broker_channel_error_retry": True,  # survive OOM, READONLY, failover (L4, T6)
        "broker_pool_limit": 4,
        "broker_transport_options": {
            **connections.broker_transport_options(),
            "global_keyprefix": key_prefix(settings),
            "body_encoding": "utf-8",  # bodies as text: no base64, and wake numbers can be put in
            "visibility_timeout": max(_VISIBILITY_S, 2 * longest_task_s),
            "unacked_restore_interval": 5,  # look for abandoned messages every 5 s, not 100 (T1)
            "unacked_restore_throttle": 1,
            "unacked_mutex_expire": 30,  # a killed holder blocks that for 30 s, not 300 (T2)
            "priority_steps": [0],  # one list per queue instead of four
            # never polling_interval: it widens the window in which a popped message is lost (L2)
        },
        # --- beat
        "beat_scheduler": "avnu.beat:Scheduler",  # redbeat's, which outlives its Redis
        "beat_schedule": beat_schedule(settings),
        "beat_max_loop_interval": 5,  # with the next line: 20 s until a second beat takes over
        "redbeat_lock_timeout": 15,
        "redbeat_key_prefix": f"{key_prefix(settings)}redbeat:",
        "redbeat_lock_key": None,  # the scheduler has its own way with the lock
        "redbeat_redis_url": "redis://",  # not used: the scheduler brings a client of its own
        "redbeat_redis_options": {},
        "result_expires": None,  # or beat would have results tidied up that nobody keeps
        "timezone": "UTC",
    }
