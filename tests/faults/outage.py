"""What a receiver must show while Redis is out of reach."""

from tests.support.deliveries import Post

# Section 6 of the design: 503 in 2 s. The rest is for a process that this machine does not let run
# for a while; without a limit of its own, the receiver would be given up after 5 s.
REFUSED_WITHIN_S = 2.0 + 2.0


def assert_refused_in_time(post: Post) -> None:
    """Every POST was answered 200 or 503, none much later than two seconds; some were refused."""
    assert {posted.status for posted in post.log} == {200, 503}
    assert max(posted.took_s for posted in post.log) < REFUSED_WITHIN_S
