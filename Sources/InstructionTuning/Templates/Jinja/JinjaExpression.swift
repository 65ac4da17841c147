/// An expression of a chat template.
indirect enum JinjaExpression {
    case literal(JinjaValue)
    case name(String)
    case list([JinjaExpression])
    case dictionary([(JinjaExpression, JinjaExpression)])
    case member(JinjaExpression, String)
    case index(JinjaExpression, JinjaExpression)
    case slice(JinjaExpression, from: JinjaExpression?, to: JinjaExpression?, step: JinjaExpression?)
    case call(JinjaExpression, [JinjaExpression], named: [(String, JinjaExpression)])
    case filter(JinjaExpression, String, [JinjaExpression])
    case test(JinjaExpression, String, isNegated: Bool)
    case not(JinjaExpression)
    case binary(String, JinjaExpression, JinjaExpression)
    case conditional(JinjaExpression, then: JinjaExpression, otherwise: JinjaExpression?)
}

/// A statement of a chat template.
indirect enum JinjaStatement {
    case text(String)
    case output(JinjaExpression)
    case branch([(condition: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
    case loop(variables: [String], over: JinjaExpression, body: [JinjaStatement])
    case assignment(name: String, member: String?, value: JinjaExpression)
}
