internal import CYaml
internal import Kernel

/// Reads the subset of YAML that means the same to every reader: plain lists, objects and scalars of the JSON types.
///
/// It works on libyaml's events and not on composed nodes: names, anchors, aliases and tags are judged as they pass, nothing is
/// expanded, and depth and size are bounded before anything is built. No recursion, so no document can exhaust the stack.
struct YAMLReader {
    private let path: String
    private let firstLine: Int
    private(set) var issues: [LocatedIssue] = []
    private var frames: [Frame] = []
    private var root: JSONValue?
    private var values = 0
    private var places: [String: (value: Mark, name: Mark?, isScalar: Bool)] = [:]

    private struct Frame {
        enum Content {
            case list([JSONValue])
            case object([(key: String, value: JSONValue)])
        }

        var content: Content
        let pointer: String
        /// Set between the name and the value of a member.
        var name: (text: String, mark: Mark)?
        var names: Set<[UInt8]> = []
    }

    /// `firstLine` is the line of the file at which the text begins.
    static func read(_ bytes: [UInt8], path: String, firstLine: Int = 1) -> (document: AssetDocument?, issues: [LocatedIssue]) {
        var reader = YAMLReader(path: path, firstLine: firstLine)
        if let problem = SourceText.problem(in: bytes, of: path, firstLine: firstLine) { return (nil, [problem]) }
        reader.parse(bytes)
        guard reader.issues.isEmpty, let json = reader.root else { return (nil, reader.issues) }
        return (AssetDocument(path: path, json: json, places: reader.places, firstLine: firstLine), [])
    }

    private init(path: String, firstLine: Int) {
        self.path = path
        self.firstLine = firstLine
    }

    private mutating func parse(_ bytes: [UInt8]) {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            return report(.start, "The file could not be read.", "Free some memory.")
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            var documents = 0
            while issues.count < AssetBounds.issuesPerFileMax {
                var event = yaml_event_t()
                guard yaml_parser_parse(&parser, &event) == 1 else { return reportSyntax(parser) }
                defer { yaml_event_delete(&event) }
                if event.type == YAML_STREAM_END_EVENT { break }
                if event.type == YAML_DOCUMENT_START_EVENT {
                    documents += 1
                    if documents > 1 {
                        return report(Mark(event), "A second document begins here.", "Put it into a file of its own.")
                    }
                    if event.data.document_start.version_directive != nil
                        || event.data.document_start.tag_directives.start != event.data.document_start.tag_directives.end
                    {
                        report(Mark(event), "Directives are not read.", "Remove the lines that begin with `%`.")
                    }
                }
                guard take(event) else { return }
            }
        }
        if root == nil, issues.isEmpty { report(.start, "The file is empty.", "Write its members as `name: value`.") }
    }

    /// False when reading on makes no sense.
    private mutating func take(_ event: yaml_event_t) -> Bool {
        let mark = Mark(event)
        switch event.type {
        case YAML_ALIAS_EVENT:
            report(mark, "An alias (`*name`) stands here.", "Write the value out.")
            return add(.null, mark, isScalar: true)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            refuse(anchor: scalar.anchor, tag: scalar.tag, mark)
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            if isNameExpected { return addName(text, isPlain: isPlain, mark) }
            return add(isPlain ? plainValue(text, mark) : .string(text), mark, isScalar: true)
        case YAML_SEQUENCE_START_EVENT:
            refuse(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, mark)
            return open(.list([]), mark)
        case YAML_MAPPING_START_EVENT:
            refuse(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, mark)
            return open(.object([]), mark)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            close()
            return true
        default:
            return true
        }
    }

    private var isNameExpected: Bool {
        guard let frame = frames.last, case .object = frame.content else { return false }
        return frame.name == nil
    }

    private mutating func addName(_ text: String, isPlain: Bool, _ mark: Mark) -> Bool {
        if isPlain, text == "<<" { report(mark, "Merging (`<<`) is not read.", "Write the members out.") }
        if text.isEmpty { report(mark, "A member has no name.", "Write `name: value`.") }
        if !frames[frames.count - 1].names.insert(Array(text.utf8)).inserted {
            report(mark, "`\(text.prefix(60))` stands here a second time.", "Keep one of the two.")
        }
        frames[frames.count - 1].name = (text, mark)
        return true
    }

    private mutating func open(_ content: Frame.Content, _ mark: Mark) -> Bool {
        guard frames.count < AssetBounds.depthMax else {
            report(
                mark, "Lists and objects stand more than \(AssetBounds.depthMax) deep inside one another.", "Flatten the file.")
            return false
        }
        if isNameExpected {
            report(mark, "A list or object stands where a name is expected.", "Use a plain name before the colon.")
            return false
        }
        let pointer = nextPointer
        places[pointer] = (mark, frames.last?.name?.mark, false)
        frames.append(Frame(content: content, pointer: pointer))
        return count(mark)
    }

    private mutating func close() {
        guard let frame = frames.popLast() else { return }
        switch frame.content {
        case .list(let items): place(.array(items))
        case .object(let members): place(.object(JSONObject(members)))
        }
    }

    private mutating func add(_ value: JSONValue, _ mark: Mark, isScalar: Bool) -> Bool {
        if isNameExpected {
            report(mark, "An alias stands where a name is expected.", "Use a plain name before the colon.")
            return false
        }
        places[nextPointer] = (mark, frames.last?.name?.mark, isScalar)
        place(value)
        return count(mark)
    }

    /// Puts a finished value into the frame around it.
    private mutating func place(_ value: JSONValue) {
        guard !frames.isEmpty else {
            root = value
            return
        }
        let last = frames.count - 1
        switch frames[last].content {
        case .list(var items):
            frames[last].content = .list([])
            items.append(value)
            frames[last].content = .list(items)
        case .object(var members):
            frames[last].content = .object([])
            members.append((key: frames[last].name?.text ?? "", value: value))
            frames[last].content = .object(members)
            frames[last].name = nil
        }
    }

    private var nextPointer: String {
        guard let frame = frames.last else { return "" }
        switch frame.content {
        case .list(let items): return "\(frame.pointer)/\(items.count)"
        case .object: return "\(frame.pointer)/\(AssetIssue.token(frame.name?.text ?? ""))"
        }
    }

    private mutating func count(_ mark: Mark) -> Bool {
        values += 1
        guard values <= AssetBounds.valuesMax else {
            report(mark, "The file has more than \(AssetBounds.valuesMax) values.", "Split it.")
            return false
        }
        return true
    }

    /// A scalar without quotes: null, true, false, a JSON number, or text that no other reader of YAML takes for something else.
    private mutating func plainValue(_ text: String, _ mark: Mark) -> JSONValue {
        switch PlainScalar(text) {
        case .value(let value): return value
        case .ambiguous(let why):
            report(
                mark, "`\(text.prefix(60))` \(why).",
                "Put it in quotes if it is text; else write true, false, null or a plain number.")
            return .null
        }
    }

    private mutating func refuse(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, _ mark: Mark
    ) {
        if anchor != nil {
            report(mark, "An anchor (`&name`) stands here.", "Remove it and write values out where they are used.")
        }
        if tag != nil { report(mark, "A tag (`!name`) stands here.", "Remove it; only plain values are read.") }
    }

    private mutating func reportSyntax(_ parser: yaml_parser_t) {
        let problem = parser.problem.map { String(cString: $0) } ?? "the text cannot be understood"
        let context = parser.context.map { " " + String(cString: $0) } ?? ""
        report(
            Mark(line: Int(parser.problem_mark.line) + 1, column: Int(parser.problem_mark.column) + 1),
            "This is not YAML: \(problem)\(context).", "Look at quotes, colons and indentation on this line and the one before.")
    }

    private mutating func report(_ mark: Mark, _ message: String, _ remedy: String) {
        let shifted = Mark(line: mark.line + firstLine - 1, column: mark.column)
        issues.append(LocatedIssue(file: path, mark: shifted, message: message, remedy: remedy))
    }
}

extension Mark {
    fileprivate init(_ event: yaml_event_t) {
        self.init(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
    }
}
