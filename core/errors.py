"""The three kinds of error, and nothing about how they are shown or carried.

`AppError`: the caller can act on it (4xx). `OutsideError`: something outside failed, try later (503).
Anything else is our bug (500, with a trace id).
"""

from __future__ import annotations

from collections.abc import Mapping


class FettleError(Exception):
    """Base of the errors that carry a code which `i18n.label` turns into words."""

    status = 500

    def __init__(
        self,
        code: str,
        detail: str = "",
        fields: Mapping[str, str] | None = None,
        **params: object,
    ) -> None:
        """
        `code`: dotted, stable, translated as `error.<code>` (for example `asset.number_taken`).
        `detail`: an English sentence for logs and integrators.
        `fields`: field name → code of what is wrong with it.
        `params`: values that the translated sentence names, as `{name}`.
        """
        super().__init__(detail or code)
        self.code = code
        self.detail = detail or code
        self.fields = dict(fields or {})
        self.params = {key: str(value) for key, value in params.items()}


class AppError(FettleError):
    """The request cannot be done as asked; the caller can mend it."""

    status = 422


class NotFound(AppError):
    """The thing does not exist, or the caller may not know that it does."""

    status = 404


class Conflict(AppError):
    """The thing has changed, exists already, or is in a state that does not allow this."""

    status = 409


class Forbidden(AppError):
    """Known who you are, and not allowed."""

    status = 403


class Unauthenticated(AppError):
    """Not known who you are."""

    status = 401


class TooMany(AppError):
    """Rate limit reached; `retry_after_s` is in `params`."""

    status = 429


class OutsideError(FettleError):
    """A device, broker, disk or network outside failed; trying again later may help."""

    status = 503
