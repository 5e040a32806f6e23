internal import Tenancy

/// The shape of connector mappings, for editors; the room of connectors judges what they mean.
enum ConnectorShapes {
    static let connector = ObjectShape(
        "a connector mapping", "How one kind of system is read and written, without a tenant's addresses or secrets.",
        [
            required("kind", .choice(["connector"]), "always `connector`."),
            required("name", .text(.slug), "the file's name."),
            required("version", .text(.version), "version of this text; a published version never changes."),
            required("title", .text(.line), "as shown on pages."),
            required("auth", .object(auth), "who we are to the system."),
            required("answers", .object(answers), "what answers mean, where the status alone does not say."),
            optional("headers", headers, "what every request carries."),
            optional(
                "dialects", .table(keys: .memberName, values: .object(dialect), count: 1...4),
                "further ways of speaking with the system; a request names the one it uses."),
            optional(
                "settings", .table(keys: .memberName, values: .text(.line), count: 1...32),
                "what a connection has to say about its system: name and description."),
            optional("types", .table(keys: .memberName, values: value, count: 1...32), "forms of values, for `type`."),
            optional("limits", .object(limits), "bounds that a connection may override."),
            optional("probe", .object(request), "a harmless request that tests the connection."),
            optional(
                "lookups", .table(keys: .memberName, values: .object(lookup), count: 1...32),
                "what has to be known before a request, found by business key."),
            required("objects", .object(objects), "how each canonical object is found, read and written."),
            optional(
                "samples", .list(of: .text(.slug), count: 1...64), "recorded exchanges that a check replays, by file name."),
        ])

    private static let path = Shape.text(.line)
    private static let value = Shape.anything(
        "a value: a $path, an operator such as take, each, first or cel, or built member by member.")

    private static let auth = ObjectShape(
        "the authentication", "Secrets by the purpose under which a connection names them.",
        [
            required(
                "kind", .choice(["none", "bearer", "basic", "header", "session", "client-credentials", "hmac"]),
                "how we identify ourselves."),
            optional("secret", .text(.memberName), "purpose of the token, or of the client's secret."),
            optional("user", .text(.memberName), "purpose of the user name."),
            optional("password", .text(.memberName), "purpose of the password."),
            optional("header", .text(.line), "name of the header."),
            optional(
                "secrets", .list(of: .text(.memberName), count: 1...4), "purposes of the secrets of a session or signature."),
            optional("login", .object(request), "the request that signs in; may use $secret."),
            optional("session", value, "what the sign-in's answer gives; $session in the headers."),
            optional("headers", headers, "headers of a session or signature; may use $secret, $session and $request."),
            optional("lifetimeSeconds", .integer(60...86_400), "after this a session is opened anew; 3600 unless given."),
            optional("id", .text(.memberName), "purpose of the client's id."),
            optional("endpoint", .text(.memberName), "the token service, by its name under the connection's endpoints."),
            optional("scope", .text(.line), "scope of the token."),
            optional("style", .choice(["body", "basic"]), "where the client's id and secret go; body unless given."),
            optional("skewSeconds", .integer(0...600), "a token is renewed this long before it ends; 60 unless given."),
            optional("key", .text(.memberName), "purpose of the signing key, one of the secrets."),
            optional("text", value, "what is signed, made of $request."),
            optional("encoding", .choice(["hex", "base64", "base64url"]), "of the signature; hex unless given."),
        ])

    private static let headers = Shape.table(keys: parameter, values: value, count: 1...16)

    private static let dialect = ObjectShape(
        "a dialect", "Who we are and what answers mean, for some of the requests.",
        [
            required("auth", .object(auth), "who we are."), required("answers", .object(answers), "what answers mean."),
            optional("headers", headers, "what every request of the dialect carries."),
        ])

    private static let lookup = ObjectShape(
        "a look-up", "Finds the system's own id of something by its business key.",
        requestMembers + [
            required("title", .text(.line), "what is looked for, in words."),
            optional("when", value, "made only when this has a value."),
            optional("paging", .object(paging), "how a list goes on."),
            optional("items", path, "where the answer's list is; the answer itself unless given."),
            optional("matching", .list(of: .object(comparison), count: 0...64), "entries that differ here are not meant."),
            required("value", value, "what an entry gives."),
            optional("by", value, "the key of an entry, when many are read at once."),
            optional("many", .boolean, "entries of one key are kept as a list."),
            optional("optional", .boolean, "nothing found is no reason to stop."),
            optional("keepSeconds", .integer(0...3600), "how long a finding is believed; not at all unless given."),
        ])

    private static let answers = ObjectShape(
        "the answers", "What answers mean.",
        [
            optional(
                "contentTypes", .list(of: .text(.line), count: 0...8), "types of a real answer; anything else is no answer."),
            optional("present", .list(of: .text(.line), count: 1...8), "members without which a good answer is none."),
            optional("failure", .object(failure), "where an answer that says 200 says failure."),
            optional("rules", .list(of: .object(rule), count: 0...64), "the first that fits holds."),
        ])

    private static let failure = ObjectShape(
        "the failure", "Places in the body.",
        [
            optional("code", path, "a value here means failure."),
            optional(
                "message", .either([path, .list(of: path, count: 1...8)]), "the system's own words; the first place that has any."
            ),
        ])

    private static let rule = ObjectShape(
        "a rule", "What some answers mean.",
        [
            optional("status", .list(of: .integer(100...599), count: 0...50), "statuses; any unless given."),
            optional("codes", .list(of: .text(.line), count: 0...50), "failure codes; any unless given."),
            required(
                "meaning",
                .choice([
                    "ok", "absent", "refused", "confirm", "stale", "contention", "retry", "rate-limit", "auth", "protocol",
                ]), "what it means."),
            optional("message", path, "where this kind of failure has its words."),
            optional("name", path, "where a question to a person has its name."),
            optional("effect", .anything("whether a write may have had an effect."), "whether a write may have had an effect."),
            optional("code", .text(.line), "our code for it; the system's own unless given."),
        ])

    private static let limits = ObjectShape(
        "the limits", "Bounds of every connection of this kind.",
        [
            optional("ratePerSecond", .integer(1...1000), "requests a second."),
            optional("concurrency", .integer(1...64), "requests at one time."),
            optional("connectTimeoutSeconds", .integer(1...60), "seconds to open a connection."),
            optional("totalTimeoutSeconds", .integer(1...120), "seconds for a whole exchange."),
            optional("answerBytesMax", .integer(1024...26_214_400), "bytes of one answer, unpacked."),
            optional("writers", .integer(1...16), "writes at one time; 1 unless given."),
            optional("perDay", .integer(0...10_000_000), "requests a day by UTC; 0, as unless given, is no bound."),
        ])

    private static let requestMembers: [ObjectShape.Member] = [
        optional("method", .choice(["GET", "POST", "PUT", "PATCH"]), "GET unless given."),
        required("path", .text(.line), "path after the base address; {…} is filled in and percent-encoded."),
        optional(
            "query", .table(keys: parameter, values: .anything("a text with places to fill, or a value."), count: 0...50),
            "query parameters."
        ),
        optional("headers", headers, "further headers."),
        optional("dialect", .text(.memberName), "the dialect it is spoken in; the mapping's own unless given."),
        optional("body", value, "what is sent."),
    ]

    private static let parameter = TextRule(
        "a parameter name", pattern: "^[!-~]+$", length: 1...100, remedy: "Use visible ASCII characters."
    ) { _ in true }

    private static let request = ObjectShape("a request", "One request.", requestMembers)

    private static let finder = ObjectShape(
        "a finder", "One way to ask, by which keys.",
        [required("keys", .list(of: .text(.memberName), count: 1...8), "keys that it needs.")] + listMembers)

    private static let listMembers: [ObjectShape.Member] =
        requestMembers + [
            optional("needs", .list(of: .text(.memberName), count: 1...16), "look-ups that come first."),
            optional("paging", .object(paging), "how a list goes on."),
            optional("items", path, "where the answer's list is; the answer itself unless given."),
            optional("matching", .list(of: .object(comparison), count: 0...64), "entries that differ here are not ours."),
        ]

    private static let changes = ObjectShape(
        "the reading of changes", "What was changed since a time, $input.changedSince.",
        listMembers + [
            required("changedAt", value, "when an entry was changed, in RFC 3339."),
            optional("overlapSeconds", .integer(0...3600), "asked again from this long before; 60 unless given."),
        ])

    private static let sample = ObjectShape("a sample request", "A harmless request that brings a few live objects.", listMembers)

    private static let paging = ObjectShape(
        "the paging", "How a list goes on after its first page.",
        [
            required("kind", .choice(["none", "next-link", "page", "offset", "cursor", "range"]), "the kind of paging."),
            optional("next", path, "where the link or cursor is."),
            optional("parameter", .text(.line), "query parameter of page, offset or cursor; none where $paging is used."),
            optional("unit", .text(.line), "unit of a range; items unless given."),
            optional("sizeParameter", .text(.line), "query parameter of the page size."),
            optional("size", .integer(1...1000), "entries a page."),
            optional("first", .integer(0...1), "number of the first page."),
            optional("pagesMax", .integer(1...200), "pages read; a longer list fails."),
            optional("itemsMax", .integer(1...10_000), "entries read; a longer list fails."),
        ])

    private static let comparison = ObjectShape(
        "a comparison", "What was asked against what was found.",
        [
            required("field", .text(.line), "name of the field, for people."),
            required("asked", value, "the one value."), required("found", value, "the other."),
            optional("as", .text(.line), "the form in which both are read; text unless given."),
        ])

    private static let names = Shape.list(of: .text(.line), count: 1...16)

    private static let step = ObjectShape(
        "a transition", "Leads a bill from one state on.",
        [
            required("name", .text(.line), "for people."),
            required("from", .list(of: .text(.line), count: 1...8), "states in which it is due."),
        ] + requestMembers)

    private static let cancellation = ObjectShape(
        "a cancellation", "Takes back a bill that is not posted yet.",
        [
            required("from", .list(of: .text(.line), count: 1...8), "states in which it can be taken back."),
            optional("done", .list(of: .text(.line), count: 1...8), "states in which it has been."),
        ] + requestMembers)

    private static let write = ObjectShape(
        "the write", "How a bill is created once, led through its states, read back and compared.",
        [
            optional("needs", .list(of: .text(.memberName), count: 1...16), "look-ups that the creation needs."),
            required("create", .object(request), "the request that creates."),
            optional("idempotencyHeader", .text(.line), "header that takes our key, where the system has one."),
            required("created", value, "what the creation's answer says of the new object."),
            optional("identity", value, "the same, of an entry that a search found."),
            optional(
                "readBack",
                .object(
                    ObjectShape(
                        "a reading back", "One request.",
                        requestMembers + [optional("entry", path, "where in the answer the entry is.")])),
                "the request that reads it back."),
            optional("state", value, "an entry's state as a word."),
            optional("steps", .list(of: .object(step), count: 1...8), "transitions, in their order."),
            optional("done", names, "states in which nothing is left to do."),
            optional("confirm", .object(request), "tells the system that a person confirmed what it asked."),
            optional("cancel", .object(cancellation), "takes back a bill that a person does not want."),
            required("compare", .list(of: .object(comparison), count: 1...64), "fields that have to be equal."),
            required("output", value, "what the run gets."),
        ])

    private static func object(_ name: String, isWritten: Bool) -> ObjectShape.Member {
        let members: [ObjectShape.Member] = [
            required("find", .list(of: .object(finder), count: 1...8), "the ways to find it."),
            required("map", value, "the canonical object, member by member."),
            optional("changes", .object(changes), "how what changed lately is read."),
            optional("sample", .object(sample), "a request for a few live objects, for trying out a connection."),
        ]
        let all = isWritten ? members + [optional("write", .object(write), "how it is written.")] : members
        return optional(
            name, .object(ObjectShape("an object", "How it is found, read and written.", all)), "the canonical \(name).")
    }

    private static let objects = ObjectShape(
        "the objects", "At least one.",
        [
            object("supplier", isWritten: false), object("order", isWritten: false), object("receipts", isWritten: false),
            object("bill", isWritten: true),
        ])
}
