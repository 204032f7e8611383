/* schema.c - the JSON schema of `show info json` and `show stat json` (show schema json). */
#include "stats/stats.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *
integer(json_int_t min)
{
    return json_pack("{s:s, s:I}", "type", "integer", "minimum", min);
}

static json_t *
ref(const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/definitions/%s", name));
}

static json_t *
words(const char *const *list, unsigned n)
{
    json_t *a = json_array();

    for (unsigned i = 0; i < n; i++)
        json_array_append_new(a, json_string(list[i]));
    return a;
}

#define WORDS(...)                                                                                 \
    words((const char *const[]){ __VA_ARGS__ }, COUNT_OF(((const char *const[]){ __VA_ARGS__ })))

/* "field", "processNum", "tags", "value": the members that both kinds of objects have. */
static void
add_common(json_t *properties)
{
    json_object_set_new(properties, "field", ref("field"));
    json_object_set_new(properties, "processNum", ref("processNum"));
    json_object_set_new(properties, "tags", ref("tags"));
    json_object_set_new(properties, "value", ref("typedValue"));
}

static json_t *
array_of(const char *title, json_t *properties, json_t *required)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:o, s:o}}", "title", title, "type", "array", "items",
                     "title", "InfoItem", "type", "object", "properties", properties, "required",
                     required);
}

static json_t *
info_schema(void)
{
    json_t *p = json_object();

    add_common(p);
    return array_of("Info", p, WORDS("field", "processNum", "tags", "value"));
}

static json_t *
stat_schema(void)
{
    json_t *p = json_object();

    json_object_set_new(
        p, "objType",
        json_pack("{s:o}", "enum", WORDS("Frontend", "Backend", "Listener", "Server", "Unknown")));
    json_object_set_new(p, "proxyId", integer(0));
    json_object_set_new(p, "id", integer(0));
    add_common(p);
    return array_of("Stat", p,
                    WORDS("objType", "proxyId", "id", "field", "processNum", "tags", "value"));
}

static json_t *
error_schema(void)
{
    return json_pack("{s:s, s:s, s:{s:{s:s}}, s:o}", "title", "Error", "type", "object",
                     "properties", "errorStr", "type", "string", "required", WORDS("errorStr"));
}

static json_t *
tags_schema(void)
{
    static const char *const names[] = { "origin", "nature", "scope" };
    json_t *enums[] = {
        WORDS("Metric", "Status", "Key", "Config", "Product", "Unknown"),
        WORDS("Gauge", "Limit", "Min", "Max", "Rate", "Counter", "Duration", "Age", "Time", "Name",
              "Output", "Avg", "Unknown"),
        WORDS("Cluster", "Process", "Service", "System", "Unknown"),
    };
    json_t *o = json_pack("{s:s}", "type", "object");

    for (unsigned i = 0; i < COUNT_OF(names); i++)
        json_object_set_new(o, names[i],
                            json_pack("{s:s, s:o}", "type", "string", "enum", enums[i]));
    json_object_set_new(o, "required", words(names, COUNT_OF(names)));
    return o;
}

static json_t *
typed_schema(void)
{
    static const struct {
        const char *type;
        json_int_t min, max;
    } ints[] = {
        { "s32", INT32_MIN, INT32_MAX },
        { "s64", -9007199254740991, 9007199254740991 }, /* what a double holds exactly */
        { "u32", 0, UINT32_MAX },
        { "u64", 0, 9007199254740991 },
    };
    json_t *defs = json_object(), *of = json_array();
    char name[32];

    for (unsigned i = 0; i < COUNT_OF(ints); i++) {
        snprintf(name, sizeof(name), "%sValue", ints[i].type);
        json_object_set_new(defs, name,
                            json_pack("{s:{s:{s:s, s:o}, s:{s:s, s:I, s:I}}, s:o}", "properties",
                                      "type", "type", "string", "enum", words(&ints[i].type, 1),
                                      "value", "type", "integer", "minimum", ints[i].min, "maximum",
                                      ints[i].max, "required", WORDS("type", "value")));
        json_array_append_new(
            of, json_pack("{s:o}", "$ref",
                          json_sprintf("#/definitions/typedValue/definitions/%s", name)));
    }
    json_object_set_new(defs, "strValue",
                        json_pack("{s:{s:{s:s, s:o}, s:{s:s}}, s:o}", "properties", "type", "type",
                                  "string", "enum", WORDS("str"), "value", "type", "string",
                                  "required", WORDS("type", "value")));
    json_array_append_new(
        of, json_pack("{s:s}", "$ref", "#/definitions/typedValue/definitions/strValue"));
    json_object_set_new(defs, "unknownValue",
                        json_pack("{s:{s:{s:s, s:i}, s:{s:s, s:o}}, s:o}", "properties", "type",
                                  "type", "integer", "minimum", 0, "value", "type", "string",
                                  "enum", WORDS("unknown"), "required", WORDS("type", "value")));
    return json_pack("{s:s, s:o, s:o}", "type", "object", "oneOf", of, "definitions", defs);
}

void
stats_put_schema(struct text *to)
{
    json_t *field = json_pack("{s:s, s:o, s:{s:s}, s:o}", "type", "object", "pos", integer(0),
                              "name", "type", "string", "required", WORDS("pos", "name"));
    json_t *root =
        json_pack("{s:s, s:[o, o, o], s:{s:o, s:o, s:o, s:o}}", "$schema",
                  "http://json-schema.org/draft-04/schema#", "oneOf", info_schema(), stat_schema(),
                  error_schema(), "definitions", "field", field, "processNum", integer(1), "tags",
                  tags_schema(), "typedValue", typed_schema());
    char *s = root ? json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

    if (s)
        text_printf(to, "%s\n", s);
    free(s);
    json_decref(root);
}
