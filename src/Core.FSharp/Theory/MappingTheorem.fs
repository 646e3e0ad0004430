namespace MappingNets.Core

open System
open TorchSharp
open MappingNets

type LipschitzConstant =
    | StatedConstant of value: float
    | ProvenConstant of value: float * radius: float
    | AssumedConstant of value: float * radius: float

module LipschitzConstant =

    let ofBound radius (bound: Bound) =
        match bound.Status with
        | BoundStatus.Proven -> ProvenConstant(bound.Value, radius)
        | BoundStatus.Assumed -> AssumedConstant(bound.Value, radius)
        | _ ->
            raise (
                ArgumentException($"The bound is {bound}; the theorem needs a proven or an assumed one.", nameof bound)
            )

[<ReferenceEquality>]
type MappingTheoremInstance =
    { Map: DifferentiableMap
      Start: torch.Tensor
      Target: torch.Tensor
      Loss: torch.Tensor -> torch.Tensor
      Epsilon: float
      LossLipschitz: LipschitzConstant
      WeightLipschitz: LipschitzConstant }

type MappingTheoremAssumptions =
    { LossLipschitz: LipschitzConstant
      WeightLipschitz: LipschitzConstant
      ConstantsApply: bool }

type MappingTheoremEstimates =
    { SampledLossSlope: float
      RefutesConstants: bool }

type MappingTheoremFacts =
    { Delta: float
      Distance: float
      DistanceWithinDelta: bool
      TargetLoss: float
      MappedLoss: float
      LossGap: float
      GapWithinEpsilon: bool }

type MappingTheoremConclusion =
    | HoldsByTheorem
    | HoldsAsMeasured
    | NotReached
    | ConstantsRefuted

[<StructuredFormatDisplay("{Text}")>]
type MappingTheoremCertificate =
    { Latent: torch.Tensor
      Search: SolvabilityCertificate
      Assumptions: MappingTheoremAssumptions
      Estimates: MappingTheoremEstimates
      Facts: MappingTheoremFacts
      Conclusion: MappingTheoremConclusion
      Status: BoundStatus }

    member private certificate.Text = certificate.ToString()

    override certificate.ToString() =
        let facts, assumed = certificate.Facts, certificate.Assumptions
        let status = certificate.Status.ToString().ToLowerInvariant()

        let constant value =
            match value with
            | StatedConstant value -> FormattableString.Invariant $"{value:g4} (stated)"
            | ProvenConstant(value, radius) -> FormattableString.Invariant $"{value:g4} (proven within {radius:g4})"
            | AssumedConstant(value, radius) -> FormattableString.Invariant $"{value:g4} (assumed within {radius:g4})"

        String.Join(
            "\n",
            [ $"{certificate.Conclusion} ({status})"
              FormattableString.Invariant
                  $"  ||g(z*) - theta*|| = {facts.Distance:g4}, delta = {facts.Delta:g4}; |L(g(z*)) - L(theta*)| = {facts.LossGap:g4}"
              $"  L_l = {constant assumed.LossLipschitz}, L_theta = {constant assumed.WeightLipschitz}, applicable: {assumed.ConstantsApply}"
              FormattableString.Invariant $"  largest slope sampled: {certificate.Estimates.SampledLossSlope:g4}" ]
        )

module MappingTheorem =

    /// Where on the segment from theta* to g(z*) the loss's slope is looked at.
    let private places = [ 0.0; 0.25; 0.5; 0.75; 1.0 ]

    /// What rounding may do to a loss, relative to its size: a sum of up to 10^6 terms.
    let private lossRounding = 1e-10

    /// What rounding may do to a slope from autograd in double precision, relative to its size.
    let private slopeRounding = 1e-9

    let private norm (tensor: torch.Tensor) =
        use size = tensor.norm ()
        size.ToDouble()

    let private valueOf name constant =
        match constant with
        | StatedConstant value ->
            requirePositive name value
            value
        | ProvenConstant(value, radius)
        | AssumedConstant(value, radius) ->
            requirePositive name value

            if not (radius >= 0.0) then
                raise (
                    ArgumentOutOfRangeException(
                        name,
                        radius,
                        "The radius on which it holds must be a number of at least 0."
                    )
                )

            value

    /// Whether g(z*) lies on the constant's ball, which a distance of at most this proves.
    let private appliesAt largestDistance constant =
        match constant with
        | StatedConstant _ -> true
        | ProvenConstant(_, radius)
        | AssumedConstant(_, radius) -> largestDistance <= radius

    let private lossAt (instance: MappingTheoremInstance) name (theta: torch.Tensor) =
        use value = instance.Loss theta

        if value.numel () <> 1L then
            raise (
                ArgumentException(
                    $"L({name}) has the shape {shapeText value.shape}; it must be a scalar.",
                    "instance.Loss"
                )
            )

        let number = value.to_type(torch.float64).ToDouble()

        if not (Double.IsFinite number) then
            raise (ArgumentException($"L({name}) is {number}; it must be finite.", "instance.Loss"))

        number

    let private slopeAt (instance: MappingTheoremInstance) (theta: torch.Tensor) =
        use gradient =
            Differentiation.grad (fun weights -> (instance.Loss weights).reshape [||]) theta

        use norm = gradient.norm ()
        norm.ToDouble()

    /// The largest slope at the places; NaN where there is none.
    let private sampledSlope instance (target: torch.Tensor) (reached: torch.Tensor) =
        places
        |> List.map (fun share -> slopeAt instance (target + (reached - target) * share.ToScalar()))
        // Where the loss has no slope, as a norm at its zero, the other places still tell.
        |> List.filter (Double.IsNaN >> not)
        |> function
            | [] -> nan
            | slopes -> List.max slopes

    let private roundingOfDistance options (search: SolvabilityCertificate) target reached (map: DifferentiableMap) =
        let cancelled =
            match map.EvaluationRounding with
            | Some bound -> bound search.Latent 0.0
            | None -> 0.0

        // The search's own knows A at z_0 alone: where z* lies far off or A is larger there, sums of latents that large round by more.
        let there =
            Rounding.unit
            * (2.0 * float map.LatentCount + 64.0)
            * Solvability.largestSingular options map search.Latent
            * norm search.Latent

        search.Facts.Rounding
        + cancelled
        + there
        + 64.0 * Rounding.unit * (norm target + norm reached)

    let private statusOf conclusion (instance: MappingTheoremInstance) =
        match conclusion, instance.LossLipschitz, instance.WeightLipschitz with
        // Where nothing is known of g's rounding, that it is no more than what is allowed for is an assumption.
        | HoldsByTheorem, ProvenConstant _, ProvenConstant _ when instance.Map.EvaluationRounding.IsSome ->
            BoundStatus.Proven
        | HoldsByTheorem, _, _ -> BoundStatus.Assumed
        | HoldsAsMeasured, _, _ -> BoundStatus.Estimated
        | _ -> BoundStatus.NotEstablished

    let certify options (instance: MappingTheoremInstance) =
        requirePositive "instance.Epsilon" instance.Epsilon

        let product =
            valueOf "instance.LossLipschitz" instance.LossLipschitz
            * valueOf "instance.WeightLipschitz" instance.WeightLipschitz

        requireFinite "instance.Target" instance.Map.WeightCount instance.Target
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let target = instance.Target.detach().to_type (torch.float64, copy = true)
        let targetLoss = lossAt instance "theta*" target
        let search = Solvability.certify options instance.Map instance.Start target
        let reached = instance.Map.Evaluate search.Latent
        let distance = search.Facts.Distance
        let mappedLoss = lossAt instance "g(z*)" reached
        let gap = abs (mappedLoss - targetLoss)
        let delta = instance.Epsilon / product

        let slope = sampledSlope instance target reached
        // A constant may be exactly attained, so a verdict against it allows for rounding: in the losses, in the distance and in the slope.
        let losses = lossRounding * (abs targetLoss + abs mappedLoss)
        let distanceRounding = roundingOfDistance options search target reached instance.Map
        // A verdict for it allows for what rounding may have taken from the distance.
        let largestDistance = distance + distanceRounding

        let exceeds bound allowance value =
            value > bound * (1.0 + slopeRounding) + allowance

        let apply =
            appliesAt largestDistance instance.LossLipschitz
            && appliesAt largestDistance instance.WeightLipschitz

        let refutes =
            apply
            && (exceeds product 0.0 slope
                || exceeds (product * distance) (losses + product * distanceRounding) gap)

        let conclusion =
            if refutes then ConstantsRefuted
            elif largestDistance <= delta && apply then HoldsByTheorem
            elif gap <= instance.Epsilon then HoldsAsMeasured
            else NotReached

        for tensor in
            [ search.Latent
              search.Local.Latent
              search.Global.Latent
              search.Facts.Reachable
              search.Facts.Unreachable ] do
            tensor.MoveToOuterDisposeScope() |> ignore

        { Latent = search.Latent
          Search = search
          Assumptions =
            { LossLipschitz = instance.LossLipschitz
              WeightLipschitz = instance.WeightLipschitz
              ConstantsApply = apply }
          Estimates =
            { SampledLossSlope = slope
              RefutesConstants = refutes }
          Facts =
            { Delta = delta
              Distance = distance
              DistanceWithinDelta = distance <= delta
              TargetLoss = targetLoss
              MappedLoss = mappedLoss
              LossGap = gap
              GapWithinEpsilon = gap <= instance.Epsilon }
          Conclusion = conclusion
          Status = statusOf conclusion instance }
