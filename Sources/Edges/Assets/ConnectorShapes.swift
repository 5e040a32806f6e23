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
            optional("limits", .object(limits), "bounds that a connection may override."),
            optional("probe", .object(request), "a harmless request that tests the connection."),
            required("objects", .object(objects), "how each canonical object is found, read and written."),
        ])

    private static let path = Shape.text(.line)
    private static let value = Shape.anything(
        "a value: a $path, an operator such as take, each, first or cel, or built member by member.")

    private static let auth = ObjectShape(
        "the authentication", "Secrets by the purpose under which a connection names them.",
        [
            required("kind", .choice(["none", "bearer", "basic", "header"]), "how we identify ourselves."),
            optional("secret", .text(.memberName), "purpose of the token."),
            optional("user", .text(.memberName), "purpose of the user name."),
            optional("password", .text(.memberName), "purpose of the password."),
            optional("header", .text(.line), "name of the header."),
        ])

    private static let answers = ObjectShape(
        "the answers", "What answers mean.",
        [
            optional(
                "contentTypes", .list(of: .text(.line), count: 0...8), "types of a real answer; anything else is no answer."),
            optional("failure", .object(failure), "where an answer that says 200 says failure."),
            optional("rules", .list(of: .object(rule), count: 0...64), "the first that fits holds."),
        ])

    private static let failure = ObjectShape(
        "the failure", "Places in the body.",
        [optional("code", path, "a value here means failure."), optional("message", path, "the system's own words.")])

    private static let rule = ObjectShape(
        "a rule", "What some answers mean.",
        [
            optional("status", .list(of: .integer(100...599), count: 0...50), "statuses; any unless given."),
            optional("codes", .list(of: .text(.line), count: 0...50), "failure codes; any unless given."),
            required(
                "meaning", .choice(["ok", "absent", "refused", "retry", "rate-limit", "auth", "protocol"]), "what it means."),
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
        ])

    private static let requestMembers: [ObjectShape.Member] = [
        optional("method", .choice(["GET", "POST", "PUT", "PATCH"]), "GET unless given."),
        required("path", .text(.line), "path after the base address; {…} is filled in and percent-encoded."),
        optional(
            "query", .table(keys: parameter, values: .anything("a text with places to fill."), count: 0...50), "query parameters."
        ),
        optional(
            "headers", .table(keys: parameter, values: .anything("a text with places to fill."), count: 0...50),
            "further headers."),
        optional("body", value, "what is sent."),
    ]

    private static let parameter = TextRule(
        "a parameter name", pattern: "^[!-~]+$", length: 1...100, remedy: "Use visible ASCII characters."
    ) { _ in true }

    private static let request = ObjectShape("a request", "One request.", requestMembers)

    private static let finder = ObjectShape(
        "a finder", "One way to ask, by which keys.",
        [required("keys", .list(of: .text(.memberName), count: 1...8), "keys that it needs.")] + requestMembers + [
            optional("paging", .object(paging), "how a list goes on."),
            optional("items", path, "where the answer's list is; the answer itself unless given."),
            optional("matching", .list(of: .object(comparison), count: 0...64), "entries that differ here are not ours."),
        ])

    private static let paging = ObjectShape(
        "the paging", "How a list goes on after its first page.",
        [
            required("kind", .choice(["none", "next-link", "page", "offset"]), "the kind of paging."),
            optional("next", path, "where the link is."),
            optional("parameter", .text(.line), "query parameter of page or offset."),
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
            required("asked", path, "where the one value is."), required("found", path, "where the other is."),
            optional("as", .text(.line), "the form in which both are read; text unless given."),
        ])

    private static let write = ObjectShape(
        "the write", "How a bill is created once, read back and compared.",
        [
            required("create", .object(request), "the request that creates."),
            optional("idempotencyHeader", .text(.line), "header that takes our key, where the system has one."),
            required("created", value, "what the creation's answer says of the new object."),
            optional("readBack", .object(request), "the request that reads it back."),
            required("compare", .list(of: .object(comparison), count: 1...64), "fields that have to be equal."),
            required("output", value, "what the run gets."),
        ])

    private static func object(_ name: String, isWritten: Bool) -> ObjectShape.Member {
        let members: [ObjectShape.Member] = [
            required("find", .list(of: .object(finder), count: 1...8), "the ways to find it."),
            required("map", value, "the canonical object, member by member."),
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
