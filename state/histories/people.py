"""Users and histories of a partition, with a bounded cache in front of the store."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wayfold.models.refusal import Reason, Refusal
from wayfold.state.histories.history import Goal, History, User, decode_user, encode
from wayfold.state.names.catalog import AccountScope, Catalog, JourneyScope
from wayfold.state.store import keys
from wayfold.state.store.ahead import ReadAhead
from wayfold.state.store.reader import Find, StoreReader


class WrongPartitionError(Exception):
    """A user whose key belongs to another partition; raised before anything has changed."""

    def __init__(self, user_id: str, found: int, expected: int) -> None:
        self.refusal = Refusal(
            Reason.WRONG_PARTITION,
            "user_id",
            f"user {user_id!r} belongs to partition {expected}, the record lies in {found}: "
            "publish with the partitioner of the settings and the user id as key, to topics of equal counts",
        )
        super().__init__(self.refusal.message)


class People:
    """Finds the user and history that an event is about; makes new ones.

    `home` gives the partition of a user id. A cache holds at most twice `limit` histories and users;
    what is changed stays in it until the batch is written.
    """

    def __init__(
        self,
        store: StoreReader,
        ahead: ReadAhead,
        catalog: Catalog,
        number: int,
        home: Callable[[str], int],
        limit: int,
    ) -> None:
        self._store = store
        self._ahead = ahead
        self._catalog = catalog
        self._number = number
        self._home = home
        self._limit = limit
        self._cached = 0
        self.next_person = 0
        self.dirty_users: dict[tuple[int, str], User] = {}
        self._users: dict[tuple[int, str], User] = {}
        self._older_users: dict[tuple[int, str], User] = {}
        self._forgotten: list[dict[Any, Any]] = []
        self.new_persons: list[tuple[int, AccountScope, str]] = []

    def expect(self, people: Iterable[tuple[JourneyScope, str, bool]], count: int) -> None:
        """Begin to read what is not in the cache: `count` histories, and their users where it says so.

        They will be asked for in about this order. Nothing may be written until `expect_nothing`.
        """
        if self._ahead.pays_for(count):
            self._ahead.expect(self._missing(people))

    def expect_nothing(self) -> None:
        """Forget what was read and not asked for."""
        self._ahead.forget()

    def _missing(self, people: Iterable[tuple[JourneyScope, str, bool]]) -> Iterator[bytes]:
        users, older_users = self._users, self._older_users
        for scope, user_id, with_user in people:
            name = user_id.encode()
            if user_id not in scope.recent and user_id not in scope.older:
                yield scope.key_prefix + name
            if with_user:
                key = (scope.account.number, user_id)
                if key not in users and key not in older_users:
                    yield scope.account.key_prefix + name

    def history(self, scope: JourneyScope, user_id: str) -> History:
        """The history of a user in a journey, new and empty when there was none."""
        found = scope.recent.get(user_id)
        if found is not None:
            return found
        found = scope.older.get(user_id)
        if found is None:
            row = self._ahead.get(scope.key_prefix + user_id.encode())
            found = History.decode(row) if row else History(self.user(scope.account, user_id).person)
        scope.recent[user_id] = found
        self._cached += 1
        return found

    def user(self, account: AccountScope, user_id: str) -> User:
        """The user's own record, a new one with the next person number when there was none.

        Raises `WrongPartitionError` for a new user that belongs elsewhere.
        """
        key = (account.number, user_id)
        found = self._users.get(key)
        if found is not None:
            return found
        found = self._older_users.get(key)
        if found is None:
            row = self._ahead.get(account.key_prefix + user_id.encode())
            found = self._new_user(account, user_id) if row is None else decode_user(row)
        self._users[key] = found
        return found

    def goals_of(self, account: AccountScope, user_id: str) -> list[Goal]:
        """Goals of a user as they stand now; who is not in the cache does not come into it."""
        user = self.known_user(account, user_id)
        return [] if user is None else user.goals

    def changed(self, account: AccountScope, user_id: str, user: User) -> None:
        """Note that a user's record is to be written with the batch."""
        self.dirty_users[account.number, user_id] = user

    def histories_of(self, scope: JourneyScope) -> Iterator[tuple[str, History]]:
        """Every history of a journey as it stands now, the pending batch included."""
        prefix = scope.key_prefix
        dirty = dict(scope.dirty)
        for key, row in self._store.scan(prefix, keys.after(prefix)):
            user_id = key[len(prefix) :].decode()
            if user_id not in dirty:
                yield user_id, History.decode(row)
        yield from dirty.items()

    def committed(self, scope: JourneyScope) -> Iterator[tuple[str, History, list[Goal]]]:
        """Every history of a journey with the user's goals, as of the last commit before this call."""
        prefix = scope.key_prefix
        rows, find = self._store.scan(prefix, keys.after(prefix)), self._store.finder()
        return _with_goals(rows, prefix, find, scope.account.key_prefix)

    def take_rows(self) -> Iterator[tuple[bytes, bytes]]:
        """Rows of all that changed since the last commit; it counts as written afterwards."""
        for scope in self._catalog.scopes.values():
            prefix = scope.key_prefix
            for user_id, history in scope.dirty.items():
                yield prefix + user_id.encode(), history.encode()
            scope.dirty = {}
        accounts = {account.number: account.key_prefix for account in self._catalog.accounts.values()}
        for (number, user_id), user in self.dirty_users.items():
            yield accounts[number] + user_id.encode(), encode(user)
        self.dirty_users = {}
        for person, account, user_id in self.new_persons:
            yield keys.number_key(keys.PERSON, person), encode((account.number, user_id))
        self.new_persons = []

    def trim(self) -> None:
        """Let the cache forget its older generation when the recent one is full; after a commit only."""
        forgotten: list[dict[Any, Any]] = []
        if self._cached > self._limit:
            for scope in self._catalog.scopes.values():
                forgotten.append(scope.older)
                scope.older, scope.recent = scope.recent, {}
            self._cached = 0
        if len(self._users) > self._limit:
            forgotten.append(self._older_users)
            self._older_users, self._users = self._users, {}
        # A generation of large batches is freed at once: to hold those of all partitions until their next
        # batches took 150 MiB, and among such batches nobody notices a pause.
        if sum(map(len, forgotten)) <= 4 * self._limit:
            self._forgotten += forgotten

    def free(self, count: int) -> None:
        """Free up to `count` of what the cache has forgotten: all at once would take ten milliseconds."""
        while self._forgotten and count > 0:
            generation = self._forgotten[-1]
            freed = min(count, len(generation))
            for _ in range(freed):
                generation.popitem()
            count -= freed
            if not generation:
                self._forgotten.pop()

    def stranger(self, user_id: str) -> Refusal | None:
        """A refusal of a user that belongs to another partition, None for one of this."""
        home = self._home(user_id)
        return None if home == self._number else WrongPartitionError(user_id, self._number, home).refusal

    def known_history(self, scope: JourneyScope, user_id: str) -> History | None:
        """The history of a user in a journey if there is one; it does not come into the cache."""
        found = scope.recent.get(user_id) or scope.older.get(user_id)
        if found is None:
            row = self._store.get(scope.key_prefix + user_id.encode())
            return History.decode(row) if row else None
        return found

    def known_user(self, account: AccountScope, user_id: str) -> User | None:
        """The user's own record if there is one; it does not come into the cache."""
        key = (account.number, user_id)
        found = self._users.get(key) or self._older_users.get(key)
        if found is None:
            row = self._store.get(account.key_prefix + user_id.encode())
            return decode_user(row) if row else None
        return found

    def _new_user(self, account: AccountScope, user_id: str) -> User:
        home = self._home(user_id)
        if home != self._number:
            raise WrongPartitionError(user_id, self._number, home)
        user = User(self.next_person)
        self.next_person += 1
        self.new_persons.append((user.person, account, user_id))
        self.changed(account, user_id, user)
        return user


def _with_goals(
    rows: Iterator[tuple[bytes, bytes]], prefix: bytes, find: Find, user_prefix: bytes
) -> Iterator[tuple[str, History, list[Goal]]]:
    for key, row in rows:
        name = key[len(prefix) :]
        user = find(user_prefix + name)
        yield name.decode(), History.decode(row), decode_user(user).goals if user else []
