"""Suggestions: applying one, or several at once."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, not_found

routes = Routes()


@routes.on("PUT", "/suggestions/:id/apply")
def apply(call: Call) -> Response:
    user, number = call.who(), call.params["id"]
    if not number.isdigit():
        raise not_found("Not Found")
    found = call.core.suggestions.find(int(number))
    call.core.suggestions.apply([found], user, call.text("commit_message"))
    return answer(call.core.present_review.suggestion(found))


@routes.on("PUT", "/suggestions/batch_apply")
def batch_apply(call: Call) -> Response:
    user, numbers = call.who(), call.many("ids")
    if not numbers:
        raise ApiError(400, {"error": "ids is missing"})
    found = [call.core.suggestions.find(int(number)) for number in numbers]
    call.core.suggestions.apply(found, user, call.text("commit_message"))
    return answer([call.core.present_review.suggestion(one) for one in found])
