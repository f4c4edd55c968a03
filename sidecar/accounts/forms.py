"""What the sign-in pages accept."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SignIn(BaseModel):
    """E-mail and password, exactly as typed."""

    model_config = ConfigDict(extra="ignore")
    email: str = Field(min_length=3, max_length=254)
    password: str = Field(min_length=1, max_length=1024)


class Code(BaseModel):
    """A one-time code; spaces are forgiven."""

    model_config = ConfigDict(extra="ignore")
    code: str = Field(min_length=6, max_length=12)


class Proof(Code):
    """The password of somebody who registered with one, and the first code of the new authenticator."""

    password: str = Field(min_length=1, max_length=1024)


class Enrolment(Proof):
    """A new password, twice, and the first code of the new authenticator."""

    again: str = Field(min_length=1, max_length=1024)

    @model_validator(mode="after")
    def _same_twice(self) -> Self:
        if self.password != self.again:
            raise ValueError("the two passwords differ")
        return self
