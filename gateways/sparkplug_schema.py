"""The message of Sparkplug B, written from its specification (Sparkplug 3.0.0, chapter 6, payloads).

What is not read is left out, and protobuf passes over it: data sets and templates are here as the bytes
that they are on the wire, so that nothing inside one is ever unpacked.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE: Final = "fieldlab.sparkplug"
_TYPES: Final[dict[str, int]] = {
    "uint64": descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
    "float": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
}
_VALUE: Final = "value"
# name, number, type; "*" repeats, "|" belongs to the value, which is one of several
_MESSAGES: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "PropertyValue": (
        ("type", 1, "uint32"), ("is_null", 2, "bool"), ("int_value", 3, "|uint32"),
        ("long_value", 4, "|uint64"), ("float_value", 5, "|float"), ("double_value", 6, "|double"),
        ("boolean_value", 7, "|bool"), ("string_value", 8, "|string"),
    ),
    "PropertySet": (("keys", 1, "*string"), ("values", 2, "*PropertyValue")),
    "Metric": (
        ("name", 1, "string"), ("alias", 2, "uint64"), ("timestamp", 3, "uint64"),
        ("datatype", 4, "uint32"), ("is_historical", 5, "bool"), ("is_transient", 6, "bool"),
        ("is_null", 7, "bool"), ("properties", 9, "PropertySet"), ("int_value", 10, "|uint32"),
        ("long_value", 11, "|uint64"), ("float_value", 12, "|float"), ("double_value", 13, "|double"),
        ("boolean_value", 14, "|bool"), ("string_value", 15, "|string"), ("bytes_value", 16, "|bytes"),
        ("dataset_value", 17, "|bytes"), ("template_value", 18, "|bytes"),
    ),
    "Payload": (
        ("timestamp", 1, "uint64"), ("metrics", 2, "*Metric"), ("seq", 3, "uint64"), ("uuid", 4, "string"),
        ("body", 5, "bytes"),
    ),
}  # fmt: skip


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug.proto", package=_PACKAGE, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            field = message.field.add(name=field_name, number=number)
            field.label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
            if kind.startswith("|"):
                if not message.oneof_decl:
                    message.oneof_decl.add(name=_VALUE)
                field.oneof_index = 0
            kind = kind.lstrip("*|")  # noqa: PLW2901 - what is left of it
            if kind in _TYPES:
                field.type = _TYPES[kind]
            else:
                field.type = field.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{kind}"
    return file


def _made() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


Payload: Final = _made()
"""The class of a Sparkplug B message."""
