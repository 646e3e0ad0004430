/// What the auxiliary terms contribute to a loss by the rules of their coefficients, and what the coefficients are by then (decision 5).
/// u holds one number for each coefficient that is trained, in the order of the rules; null where none is.
module internal MappingNets.Core.LossCoefficients

open System
open TorchSharp
open MappingNets
open MappingNets.Core.HeldNumbers

let trained (rules: LossCoefficient[]) =
    rules |> Array.filter _.IsTrainable |> Array.length

/// The natural logarithm of 10: the bound of a bounded coefficient, and the decade that u counts for a balanced one.
let private decade = log 10.0

/// How far a balanced coefficient may go from its start: six decades.
let private widest = 6.0 * decade

/// Below this a term counts as this, so that its logarithm is finite.
let private smallestTerm = 1e-30

let private checkRaw rules (raw: torch.Tensor | null) =
    let count = trained rules

    match raw with
    | null when count = 0 -> ()
    | NonNull raw when raw.shape = [| int64 count |] -> ()
    | _ ->
        raise (
            ArgumentException($"There are {count} trainable coefficients; u must have the shape ({count}).", nameof raw)
        )

/// Each rule with its u, or null where it is not trained.
let private withRaw rules (raw: torch.Tensor | null) : struct (LossCoefficient * (torch.Tensor | null))[] =
    checkRaw rules raw

    // One node of the graph for all of them: each `raw[i]` would send back a gradient as long as u.
    let own =
        match raw with
        | null -> [||]
        | raw -> raw.unbind 0

    rules
    |> Array.mapFold
        (fun next (rule: LossCoefficient) ->
            if rule.IsTrainable then
                struct (rule, (own[next]: torch.Tensor | null)), next + 1
            else
                struct (rule, null), next)
        0
    |> fst

/// ln(lambda / start) of a rule that is trained.
let private logarithm (rule: LossCoefficient) (u: torch.Tensor) =
    match rule.Rule with
    | LossCoefficientRule.Plain -> u
    | LossCoefficientRule.Bounded -> times -decade (u.tanh ())
    | _ -> times widest ((times (decade / widest) u).tanh ())

/// The coefficients now; 0 where a term is off.
let current rules raw =
    withRaw rules raw
    |> Array.map (fun (struct (rule, u)) ->
        match u with
        | null -> rule.Value
        | u -> rule.Value * exp ((logarithm rule u).ToDouble()))

/// One number for each rule, as a vector.
let private vectorOf
    (number: LossCoefficient -> float)
    (rules: LossCoefficient[])
    (dtype: Nullable<torch.ScalarType>)
    device
    =
    torch.tensor (Array.map number rules, dtype = dtype, device = device)

/// lambda L with lambda held still, and the coefficient's own loss with L held still, for each of some balanced rules: all of them in
/// one vector, because on small networks it is the number of operations that costs time.
let private balanced (rules: LossCoefficient[]) (raw: torch.Tensor[]) (terms: torch.Tensor[]) =
    let u = torch.stack (raw, 0L)
    let terms = torch.stack (terms, 0L)
    let isDouble = u.dtype = torch.float64 || terms.dtype = torch.float64
    let dtype = Nullable(if isDouble then torch.float64 else terms.dtype)
    use values = vectorOf _.Value rules dtype u.device

    use offsets =
        vectorOf (fun rule -> log rule.Value - log rule.Share) rules dtype u.device

    use shares = vectorOf _.Share rules dtype u.device
    use floor = smallestTerm.ToScalar()
    let logarithm = logarithm rules[0] u
    let size = terms.detach().clamp_min(floor).log ()
    // x = ln(lambda L / share)
    let excess = logarithm + size + offsets
    let own = plus -1.0 ((plus 1.0 (excess.square ())).sqrt ()) * shares
    (logarithm.detach().exp () * terms * values + own).unbind 0

let private contribution (rule: LossCoefficient) (u: torch.Tensor | null) (term: torch.Tensor) =
    match u with
    | null -> times rule.Value term
    | u ->
        let logarithm = logarithm rule u

        match rule.Rule with
        | LossCoefficientRule.Plain -> times rule.Value (logarithm.exp () * term)
        | _ -> times rule.Value (logarithm.exp () * term - logarithm)

/// What each term that is on contributes, in their order.
let contributions rules (raw: torch.Tensor | null) (terms: (string * (torch.Tensor | null))[]) =
    let on =
        Array.map2
            (fun (struct (rule: LossCoefficient, u: torch.Tensor | null)) (name, term: torch.Tensor | null) ->
                match term with
                | _ when rule.IsOff -> None
                | null -> raise (ArgumentException($"The {name} term is on and has no value.", nameof terms))
                | term -> Some(rule, u, term))
            (withRaw rules raw)
            terms
        |> Array.choose id

    let isBalanced (rule: LossCoefficient, _, _) =
        rule.Rule = LossCoefficientRule.Balanced

    let together =
        match on |> Array.filter isBalanced with
        | [||] -> [||]
        | some ->
            balanced
                (some |> Array.map (fun (rule, _, _) -> rule))
                (some |> Array.map (fun (_, u, _) -> nonNull u))
                (some |> Array.map (fun (_, _, term) -> term))

    on
    |> Array.mapFold
        (fun next one ->
            if isBalanced one then
                together[next], next + 1
            else
                (one |||> contribution), next)
        0
    |> fst
