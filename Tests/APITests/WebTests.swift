import Kernel
import Testing

@testable import WebKernel

@Suite("requests and answers")
struct WebTests {
    private static func route(_ method: WebMethod, _ pattern: String) -> Route {
        Route(method, pattern, access: .open) { _ in .text(pattern) }
    }

    private static let table = RouteTable([
        route(.get, "/"), route(.get, "/runs"), route(.get, "/runs/{id}"), route(.post, "/runs/{id}"),
        route(.get, "/runs/recent"),
        route(.get, "/runs/{id}/history"),
    ])

    private func found(_ method: WebMethod?, _ path: String) -> String {
        switch Self.table.match(method, path) {
        case .found(let route, let parameters):
            route.pattern + parameters.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        case .wrongMethod(let allowed): "not \(allowed.map(\.rawValue).joined(separator: "|"))"
        case .none: "none"
        }
    }

    @Test(
        "a path finds its route",
        arguments: [
            (WebMethod.get, "/", "/"), (.get, "/runs", "/runs"), (.get, "/runs/", "/runs"),
            (.get, "/runs/17", "/runs/{id} id=17"),
            (.get, "/runs/recent", "/runs/recent"), (.get, "/runs/a%2Fb", "/runs/{id} id=a/b"),
            (.get, "/runs/17/history", "/runs/{id}/history id=17"), (.post, "/runs/17", "/runs/{id} id=17"),
            (.delete, "/runs", "not GET"),
            (.put, "/runs/17", "not GET|POST"), (.get, "/nothing", "none"), (.get, "/runs/17/history/more", "none"),
            (.get, "/runs/%zz", "none"),
            (.get, "/runs/recent/history", "none"),
        ])
    func matching(method: WebMethod, path: String, expected: String) {
        #expect(found(method, path) == expected)
    }

    @Test("the status of an answer and the status in its body are one", arguments: [("request.method", 405), ("x", 400)])
    func statusInBody(reason: String, status: Int) throws {
        let problem = Problem.response(Refusal(.invalid, reason: reason, "No."), request: "r")
        #expect(problem.status == status)
        guard case .bytes(let bytes) = problem.body else { return #expect(Bool(false)) }
        let body = try JSONValue(parsing: bytes)
        #expect(body["status"]?.int == status)
        #expect(body["title"]?.string == Problem.title(of: status))
        let ours = Problem.internalError(request: "r")
        guard case .bytes(let bug) = ours.body else { return #expect(Bool(false)) }
        #expect(ours.status == 500)
        #expect(try JSONValue(parsing: bug)["status"]?.int == 500)
    }

    @Test("a method that the product does not know is no method of any route")
    func unknownMethod() {
        #expect(found(nil, "/runs") == "not GET")
        #expect(found(nil, "/nothing") == "none")
    }

    private func request(_ type: String, _ body: [UInt8]) -> WebRequest {
        WebRequest(
            method: .post, path: "/", query: [], headers: WebHeaders([(name: "Content-Type", value: type)]), body: body,
            parameters: [:], id: "r",
            receivedAt: Moment(seconds: 0))
    }

    @Test("a form is read as it was typed")
    func form() throws {
        let form = try FormFields(urlEncoded: Array("a=1&reason=it+is%20%C3%BCber%2B&empty=&flag".utf8))
        #expect(form["a"] == "1")
        #expect(form["reason"] == "it is über+")
        #expect(form["empty"] == "")
        #expect(form["flag"] == "")
        #expect(form["other"] == nil)
        #expect(throws: Refusal.self) { try form.required("empty", label: "Empty") }
    }

    @Test("a form that is broken, or too long, is refused", arguments: ["a=%zz", "a=%f", "a=%ff", "%c3%28=1"])
    func brokenForm(text: String) {
        let refusal = #expect(throws: Refusal.self) { try FormFields(urlEncoded: Array(text.utf8)) }
        #expect(refusal?.reason == "form.encoding")
        let long = Array(Array(repeating: "a=1", count: 201).joined(separator: "&").utf8)
        #expect(throws: Refusal.self) { try FormFields(urlEncoded: long) }
    }

    @Test("a file comes out of a form byte for byte")
    func upload() throws {
        let content: [UInt8] = [0, 13, 10, 45, 45, 67, 255, 13, 10]
        var body = Array("--B\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\ntoken\r\n--B\r\n".utf8)
        body += Array(
            "Content-Disposition: form-data; name=\"file\"; filename=\"R 1.xml\"\r\nContent-Type: text/xml\r\n\r\n".utf8)
        body += content + Array("\r\n--B--\r\n".utf8)
        let form = try UploadedForm(request("multipart/form-data; boundary=B", body))
        #expect(form.fields == ["csrf": "token"])
        #expect(form.files.map(\.fileName) == ["R 1.xml"])
        #expect(form.files.first?.bytes == content)
    }

    @Test("an upload that stops in the middle is refused at every place where it can stop")
    func cutUpload() throws {
        let whole = Array("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc\r\n--B--".utf8)
        #expect(try UploadedForm(request("multipart/form-data; boundary=B", whole)).files.count == 1)
        for end in 0..<whole.count {
            #expect(throws: Refusal.self, "\(end)") {
                try UploadedForm(request("multipart/form-data; boundary=B", Array(whole[..<end])))
            }
        }
        #expect(throws: Refusal.self) { try UploadedForm(request("text/plain", whole)) }
        #expect(throws: Refusal.self) { try UploadedForm(request("multipart/form-data", whole)) }
    }

    @Test("every kind of refusal has its status, and a problem tells no more than it should", arguments: Refusal.Code.allCases)
    func problems(code: Refusal.Code) throws {
        let refusal = Refusal(
            code, reason: "a.reason", "A sentence.", facts: ["rule": "r", "field": "f", "person": "secret-person"])
        let response = Problem.response(refusal, request: "r-9")
        let expected: [Refusal.Code: Int] = [
            .invalid: 400, .unauthenticated: 401, .forbidden: 403, .notFound: 404, .conflict: 409, .stale: 412, .tooLarge: 413,
            .unprocessable: 422, .tooMany: 429, .unavailable: 503,
        ]
        #expect(response.status == expected[code])
        #expect(response.headers["content-type"] == "application/problem+json")
        #expect((response.headers["retry-after"] != nil) == [.tooMany, .unavailable].contains(code))
        guard case .bytes(let bytes) = response.body else { return #expect(Bool(false)) }
        let json = try JSONValue(parsing: bytes)
        #expect(json.object?.keys == ["type", "title", "status", "detail", "code", "requestId", "rule", "field"])
        #expect(json["status"]?.int == response.status)
        #expect(!json.text.contains("secret-person"))
    }

    @Test("a bug shows nothing but its reference")
    func internalError() throws {
        let response = Problem.internalError(request: "r-9")
        #expect(response.status == 500)
        guard case .bytes(let bytes) = response.body else { return #expect(Bool(false)) }
        #expect(try JSONValue(parsing: bytes)["requestId"]?.string == "r-9")
    }

    @Test("only JSON that says it is JSON reaches the API")
    func strictJSON() throws {
        #expect(try request("application/json; charset=utf-8", Array("{\"a\":1}".utf8)).strictJSON()["a"]?.int == 1)
        for (type, text) in [
            ("text/plain", "{}"), ("application/jsonx", "{}"), ("application/json", "{\"a\":1,\"a\":2}"),
            ("application/json", "{"),
        ] {
            #expect(throws: Refusal.self, "\(type) \(text)") { try request(type, Array(text.utf8)).strictJSON() }
        }
    }

    @Test("a cookie is found among others by its whole name")
    func cookies() {
        let request = WebRequest(
            method: .get, path: "/", query: [], headers: WebHeaders([(name: "Cookie", value: "xsession=1; session=2=3;other=4")]),
            body: [],
            parameters: [:], id: "r", receivedAt: Moment(seconds: 0))
        #expect(request.cookie("session") == "2=3")
        #expect(request.cookie("other") == "4")
        #expect(request.cookie("sess") == nil)
    }
}
