"""The load of bench/stack.ts against any installation, by Locust: people who send a response, wait for the 202, and send the next.

The form must be published (bench/contact-form.json has its definition, and the answers that are sent), and the limits of one address, nginx's
(deploy/nginx/nginx.conf) and the API's (.env), must let the load through.

    locust --locustfile bench/locust/responses.py --headless --users 128 --spawn-rate 64 --run-time 60s \
        --host https://forms.example.org --form contact --authority deploy/secrets/ca_certificate

With `--per-second 300` all users together send that many at most: each waits for its turn after the answer. A turn that a slow answer has taken is not made
up, which flatters the percentiles once the server is too slow; bench/stack.ts counts from the turn. `--p95 100` wants that percentile below so many
milliseconds. Exits with 1 when that is not so, or when an answer was not 202.
"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from locust import HttpUser, constant_pacing, events, task
from locust.env import Environment

CONTACT: dict[str, Any] = json.loads((Path(__file__).parent.parent / "contact-form.json").read_text("utf-8"))


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--form", required=True, help="id or slug of a published form that takes these answers")
    parser.add_argument("--authority", help="PEM file of the authority behind the certificate, if the system does not know it")
    parser.add_argument("--per-second", type=float, default=0, help="requests a second of all users; else each sends at once")
    parser.add_argument("--p95", type=float, default=0, help="milliseconds that the 95th percentile must stay below")


def wait_time(user: "Sender") -> float:
    options = user.environment.parsed_options
    if not options.per_second:
        return 0
    return constant_pacing(options.num_users / options.per_second)(user)


class Sender(HttpUser):
    wait_time = wait_time

    def on_start(self) -> None:
        self.client.verify = self.environment.parsed_options.authority or True

    @task
    def send(self) -> None:
        path = f"/api/v1/forms/{self.environment.parsed_options.form}/responses"
        body = {"answers": CONTACT["answers"]}
        with self.client.post(path, json=body, name="send a response", catch_response=True) as answer:
            if answer.status_code != 202:
                answer.failure(f"{answer.status_code} {answer.text[:200]}")


@events.quitting.add_listener
def judge(environment: Environment, **_: Any) -> None:
    limit: float = environment.parsed_options.p95
    total = environment.stats.total
    late = limit > 0 and total.get_response_time_percentile(0.95) >= limit
    if total.num_failures > 0 or total.num_requests == 0 or late:
        environment.process_exit_code = 1
