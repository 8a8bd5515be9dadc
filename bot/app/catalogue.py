"""What commands read of the catalogue. GitLab is not spoken to."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

from bot import catalogue_lines as lines
from bot.adapters.store import Store
from bot.config import Config
from bot.domain.data_pipeline_check import Modules
from bot.errors import OperatorError
from bot.local.pipelines import LookUp, find_module


def read_catalogue(config: Config, project: str | None, as_json: bool) -> str:
    """What the catalogue holds, as lines: of one project (id or path), or all. OperatorError where it is not there."""
    with closing(Store.prepare(config.database.url)) as store:
        if project is None:
            listed = (store.listed(one) for one in store.listed_projects())
            modules = [one for one in listed if one is not None]
            return lines.list_json(modules) if as_json else lines.list_table(modules)
        found = store.listed(int(project)) if project.isdecimal() else store.listed_by_path(project)
        if found is None:
            raise OperatorError(
                f"{project} is not in the catalogue",
                "look at `mlreef-bot catalogue list`; `mlreef-bot catalogue rebuild --project` asks GitLab about it",
            )
        show = lines.show_json if as_json else lines.show_table
        return show(found, store.listed_versions(found.project_id))


def look_up_modules(config: Config) -> LookUp:
    """What the store has of published modules, for whoever has the bot's own machine."""

    def look_up(wanted: Collection[tuple[str, str]]) -> Modules:
        with closing(Store.prepare(config.database.url)) as store:
            return {(path, ref): find_module(store, path, ref) for path, ref in wanted}

    return look_up
