"""What a configuration says of sizes, under whatever name, and how to change what it says."""

from collections.abc import Iterator
from typing import Any


def first_of(configurations: tuple[Any, ...], names: tuple[str, ...], default: Any) -> Any:
    """The first of the names that one of the configurations answers to."""
    for configuration in configurations:
        for name in names:
            value = getattr(configuration, name, None)
            if value is not None:
                return value
    return default


def inside(configuration: Any) -> list[Any]:
    """Configurations directly inside: a decoder of masks, say, knows the size of the images that an encoder takes at any size."""
    return [inner for inner in vars(configuration).values() if hasattr(inner, "model_type")]


def once_inside(configuration: Any, seen: list[Any]) -> Iterator[Any]:
    """Configurations directly inside that are not among those `seen`, which `configuration` joins."""
    seen.append(configuration)
    yield from (inner for inner in inside(configuration) if not any(inner is other for other in seen))


def text_of(configuration: Any) -> Any:
    """The configuration of the words; the whole where there are several."""
    try:
        return configuration.get_text_config() if hasattr(configuration, "get_text_config") else configuration
    except ValueError:  # encoder and decoder each have one
        return configuration


def positions(text: Any, most: int) -> int:
    """How many words there are positions for; `most` where nothing says."""
    found = first_of((text,), ("max_position_embeddings", "n_positions"), most)
    return found if isinstance(found, int) and found > 0 else most


def vocabularies(configuration: Any, seen: list[Any]) -> list[int]:
    """Sizes of the vocabularies of a configuration and those inside: words below the smallest are words everywhere."""
    size = getattr(configuration, "vocab_size", None)
    own = [size] if isinstance(size, int) and size >= 8 else []
    return own + [size for inner in once_inside(configuration, seen) for size in vocabularies(inner, seen)]


def read(configuration: Any, name: str) -> Any:
    """An attribute, or None; some configurations refuse to answer for all layers at once."""
    try:
        return getattr(configuration, name, None)
    except Exception:
        return None


def write(configuration: Any, name: str, value: Any) -> None:
    """Some attributes are read-only views of others; those follow by themselves."""
    try:
        setattr(configuration, name, value)
    except (AttributeError, NotImplementedError, ValueError, TypeError):
        return
