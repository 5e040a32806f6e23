internal import CLinux
package import Finance
internal import Glibc
package import Kernel

/// Bounds of the reader process and of one document in it.
package struct ReaderLimits: Sendable {
    package var documentBytesMax = 25 * 1024 * 1024
    /// An answer is larger than its document only by names of members.
    package var answerBytesMax = 64 * 1024 * 1024
    package var headerBytesMax = 4096
    /// Then the process ends, so that whatever a document left behind in it ends too.
    package var documentsMax = 100
    package var addressSpaceBytesMax: UInt64 = 512 * 1024 * 1024
    package var processorSecondsPerDocument: UInt64 = 10
    /// What the caller waits for one document, in wall-clock time.
    package var millisecondsPerDocument: Int64 = 15_000
    /// What the caller waits for a new process to greet.
    package var millisecondsToStart: Int64 = 10_000

    package init() {}
    package static let standard = ReaderLimits()
}

/// What a caller asks to be made of a document.
enum ReaderForm: String {
    case reading, outline
}

/// What came back for it.
enum ReaderAnswer {
    case reading(DocumentReading)
    case outline(JSONValue)
}

/// The inside of `countersign-reader`: greets, then answers one document after another on its standard descriptors.
///
/// A request is two frames, a JSON header `{"id": n}` and the document; the answer is one JSON frame with the id and the
/// reading, or with the outline of an XML document when the header says `"as": "outline"`.
/// Before the greeting the process gives up everything it does not need; the greeting says how far that went.
package enum ReaderService {
    /// How a run ended, as an exit status.
    package enum Ending: Int32, Sendable {
        case done = 0
        /// The other side broke the protocol.
        case misused = 2
    }

    /// `prepare` loads what needs files; `open` and `outline` must be total.
    package static func run(
        input: Int32 = 0, output: Int32 = 1, limits: ReaderLimits = .standard, prepare: () -> Void,
        open: ([UInt8]) -> DocumentReading, outline: ([UInt8]) -> JSONValue
    ) -> Ending {
        prepare()
        let greeting = confine(limits)
        do {
            try Frames.write(output, greeting.bytes)
            for _ in 0..<limits.documentsMax {
                let header = try Frames.read(input, maxBytes: limits.headerBytesMax)
                let document = try Frames.read(input, maxBytes: limits.documentBytesMax)
                // A request that is no JSON has no id to answer to.
                guard let request = try? JSONValue(parsing: header), let id = request["id"]?.int64 else {
                    // The caller is our own program: what is wrong with its header is for its author, by the exit status.
                    return .misused
                }
                _ = cs_reader_grant_seconds(limits.processorSecondsPerDocument)
                let answer: (key: String, value: JSONValue) =
                    request["as"]?.string == ReaderForm.outline.rawValue
                    ? ("outline", outline(document)) : ("reading", open(document).json)
                try Frames.write(output, JSONValue.object(JSONObject([("id", JSONValue(id)), answer])).bytes)
            }
            return .done
        } catch Frames.Failure.ended {
            return .done
        } catch {
            return .misused
        }
    }

    /// `L2` is limits and a sealed kernel interface, `L1` limits only, `L0` neither.
    private static func confine(_ limits: ReaderLimits) -> JSONValue {
        var measures: [JSONValue] = []
        let isLimited = cs_reader_limit(limits.addressSpaceBytesMax) == 0
        if isLimited { measures.append("rlimits") }
        let isSealed = cs_reader_seal() == 0
        if isSealed { measures += ["no-new-privs", "seccomp"] }
        let level = isLimited ? (isSealed ? "L2" : "L1") : "L0"
        return .object(["reader": 1, "level": .string(level), "measures": .array(measures)])
    }
}
