"""Which part answers a request, and what the weather makes of the answer."""

from threading import Event
from urllib.parse import unquote

from avnu.sandbox.admin.answer import Answer, refused
from avnu.sandbox.admin.call import Call, query_of
from avnu.sandbox.admin.control import PREFIX, Control
from avnu.sandbox.admin.documents import Documents
from avnu.sandbox.admin.graphql_endpoint import PATH, GraphqlEndpoint
from avnu.sandbox.admin.tally import Seen, Tally
from avnu.sandbox.admin.token_endpoint import TokenEndpoint
from avnu.sandbox.admin.weather import Weather

TOKEN_PATH = "/admin/oauth/access_token"  # noqa: S105 - a path


class Routing:
    """Answers every request that the server reads. Safe to use from several threads."""

    def __init__(
        self,
        *,
        documents: Documents,
        graphql: GraphqlEndpoint,
        tokens: TokenEndpoint,
        control: Control,
        weather: Weather,
        tally: Tally,
    ) -> None:
        self._documents = documents
        self._graphql = graphql
        self._tokens = tokens
        self._control = control
        self._weather = weather
        self._tally = tally

    def answer(self, call: Call) -> tuple[Answer, Event]:
        """The answer, and the event that ends the sending of one that is sent slowly."""
        if call.path.startswith(PREFIX):
            return self._control.answer(call), Event()
        if call.method != "POST":
            return refused(404, "Not Found"), Event()
        if call.path == TOKEN_PATH:
            forecast = self._weather.forecast(call.shop, "token")
            return forecast.on(lambda: self._tokens.answer(call)), forecast.released
        match = PATH.fullmatch(call.path)
        if match is None:
            return refused(404, "Not Found"), Event()
        return self._query(call, unquote(match["version"]))

    def _query(self, call: Call, version: str) -> tuple[Answer, Event]:
        query = query_of(call)
        operation = ""
        if query is not None:
            document = self._documents.read(query.query)
            operation = document.operation(query.operation_name or "")
        self._tally.arrived(call.shop, operation)
        forecast = self._weather.forecast(call.shop, "graphql")
        answer = forecast.on(lambda: self._graphql.answer(call, version, query, forecast.pause))
        seen = Seen(call.at, call.shop, answer.status, operation)
        self._tally.answered(seen, answer)
        return answer, forecast.released
