namespace MappingNets

open System
open MappingNets.Core

type internal LossCoefficientRule =
    | Off = 0
    | Fixed = 1
    | Plain = 2
    | Bounded = 3
    | Balanced = 4

[<Struct; NoComparison>]
type LossCoefficient =
    val internal Rule: LossCoefficientRule
    val private number: float
    val private part: float

    internal new(rule, value, share) =
        { Rule = rule
          number = value
          part = share }

    member this.Value = this.number
    member this.Share = this.part
    member this.IsOff = this.Rule = LossCoefficientRule.Off

    member this.IsTrainable =
        match this.Rule with
        | LossCoefficientRule.Off
        | LossCoefficientRule.Fixed -> false
        | _ -> true

    static member private Checked(argument: string, value: float) =
        if not (float32 value > 0.0f && Single.IsFinite(float32 value)) then
            raise (
                ArgumentOutOfRangeException(
                    argument,
                    value,
                    "It must be a positive finite number of single precision; LossCoefficient.Off turns a term off."
                )
            )

        value

    static member Off = LossCoefficient()

    static member Fixed(value: float) =
        LossCoefficient(LossCoefficientRule.Fixed, LossCoefficient.Checked(nameof value, value), 0.0)

    static member Plain(start: float) =
        LossCoefficient(LossCoefficientRule.Plain, LossCoefficient.Checked(nameof start, start), 0.0)

    static member Bounded(start: float) =
        LossCoefficient(LossCoefficientRule.Bounded, LossCoefficient.Checked(nameof start, start), 0.0)

    static member Balanced(start: float, share: float) =
        LossCoefficient(
            LossCoefficientRule.Balanced,
            LossCoefficient.Checked(nameof start, start),
            LossCoefficient.Checked(nameof share, share)
        )

    override this.ToString() =
        match this.Rule with
        | LossCoefficientRule.Off -> "off"
        | LossCoefficientRule.Fixed -> FormattableString.Invariant $"fixed at {this.Value}"
        | LossCoefficientRule.Plain -> FormattableString.Invariant $"plain from {this.Value}"
        | LossCoefficientRule.Bounded -> FormattableString.Invariant $"bounded from {this.Value}"
        | _ -> FormattableString.Invariant $"balanced from {this.Value} at {this.Share}"

[<Sealed>]
type LossOptions
    private
    (
        stability: LossCoefficient,
        smoothness: LossCoefficient,
        alignment: LossCoefficient,
        noiseDeviation: float,
        stabilityShare: float
    ) =

    static let taskOnly =
        LossOptions(LossCoefficient(), LossCoefficient(), LossCoefficient(), 0.01, 1.0)

    static let complete =
        LossOptions(
            LossCoefficient.Balanced(0.05, 0.01),
            LossCoefficient.Balanced(5e-6, 0.01),
            LossCoefficient.Balanced(0.01, 0.01),
            0.01,
            1.0
        )

    static member TaskOnly = taskOnly
    static member Complete = complete
    member _.Stability = stability
    member _.Smoothness = smoothness
    member _.Alignment = alignment
    member _.NoiseDeviation = noiseDeviation
    member _.StabilityShare = stabilityShare
    member _.IsTaskOnly = stability.IsOff && smoothness.IsOff && alignment.IsOff

    member _.WithStability(coefficient: LossCoefficient) =
        LossOptions(coefficient, smoothness, alignment, noiseDeviation, stabilityShare)

    member _.WithSmoothness(coefficient: LossCoefficient) =
        LossOptions(stability, coefficient, alignment, noiseDeviation, stabilityShare)

    member _.WithAlignment(coefficient: LossCoefficient) =
        LossOptions(stability, smoothness, coefficient, noiseDeviation, stabilityShare)

    member _.WithNoise(deviation: float) =
        LossOptions(
            stability,
            smoothness,
            alignment,
            MappingChecks.Positive(deviation, nameof deviation),
            stabilityShare
        )

    member _.WithStabilityShare(share: float) =
        LossOptions(stability, smoothness, alignment, noiseDeviation, MappingChecks.Share(share, nameof share))

    member private _.Key =
        struct (stability, smoothness, alignment, noiseDeviation, stabilityShare)

    interface IEquatable<LossOptions> with
        member this.Equals(other) =
            match other with
            | null -> false
            | other -> this.Key = other.Key

    override this.Equals(other: objnull) =
        match other with
        | :? LossOptions as other -> this.Key = other.Key
        | _ -> false

    override this.GetHashCode() = hash this.Key

    override _.ToString() =
        let share =
            if stabilityShare = 1.0 then
                ""
            else
                FormattableString.Invariant $" on {stabilityShare} of a batch"

        FormattableString.Invariant
            $"stability {stability}{share}, smoothness {smoothness}, alignment {alignment}, noise {noiseDeviation}"
