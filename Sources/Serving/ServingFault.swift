import Hummingbird
import MurmurKit
import Storage

/// Why a request is refused, in the form of OpenAI's API: `{"error":{"message","type","param","code"}}`.
struct ServingFault: Error, HTTPResponseError {
    let status: HTTPResponse.Status
    let message: String
    let type: String
    var parameter: String?
    var code: String?
    /// After how many seconds it is worth trying again.
    var retryAfter: Int?

    /// A request that makes no sense, or asks for what there is not.
    static func invalid(_ message: String, _ parameter: String? = nil, code: String? = nil) -> ServingFault {
        ServingFault(
            status: .badRequest, message: message, type: "invalid_request_error", parameter: parameter, code: code)
    }

    /// What `error` means to a visitor.
    init(_ error: any Error) {
        switch error {
        case let fault as ServingFault: self = fault
        case AnswerFault.full(let waiting):
            self.init(
                status: .tooManyRequests, message: "\(AnswerFault.full(waiting: waiting))", type: "requests",
                code: "rate_limit_exceeded", retryAfter: 1)
        case AnswerFault.late:
            self.init(status: .gatewayTimeout, message: "\(AnswerFault.late)", type: "timeout", code: "timeout")
        case let error as any HTTPResponseError where error.status == .contentTooLarge:
            self.init(
                status: .contentTooLarge, message: "the request is larger than is allowed",
                type: "invalid_request_error", code: "request_too_large")
        case let error as any HTTPResponseError:
            self.init(status: error.status, message: "there is nothing here", type: "invalid_request_error")
        default: self.init(status: .internalServerError, message: "\(error)", type: "server_error")
        }
    }

    init(
        status: HTTPResponse.Status, message: String, type: String, parameter: String? = nil, code: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.message = message
        self.type = type
        self.parameter = parameter
        self.code = code
        self.retryAfter = retryAfter
    }

    var json: JSONValue {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.text) ?? .null }
        return .members([
            (
                "error",
                .members([
                    ("message", .text(message)), ("type", .text(type)), ("param", text(parameter)),
                    ("code", text(code)),
                ])
            )
        ])
    }

    var response: Response {
        var headers = HTTPFields()
        if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        return .json(json, status: status, headers: headers)
    }

    func response(from request: Request, context: some RequestContext) -> Response { response }
}

extension JSONValue {
    /// An object with its members in this order.
    static func members(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }
}

extension Response {
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.encoded(indented: false))))
    }
}
