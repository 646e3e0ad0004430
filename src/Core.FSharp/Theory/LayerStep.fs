namespace MappingNets.Core

open System

type StepKind =
    | PlainStep
    | NormalisingStep of features: float * places: float * epsilon: float
    | SumStep
    | BesideStep

[<StructuredFormatDisplay("{Text}")>]
type LayerStep =
    { Name: string
      Kind: StepKind
      Constant: Bound
      Spread: float
      Offset: float
      WeightNorm: float
      Positions: float
      BiasNorm: float
      Terms: float
      Roundings: float
      Weight: int
      Bias: int
      Shares: struct (int * float)[]
      Branches: LayerStep[][] }

    member internal step.IsEmbedding = step.Weight >= 0 && step.Spread = 0.0

    member private step.Text = step.ToString()

    override step.ToString() =
        let branches =
            step.Branches
            |> Array.map (fun branch -> branch |> Array.map string |> String.concat ", " |> sprintf "[%s]")
            |> String.concat " "

        if step.IsEmbedding then
            $"{step.Name}: its tokens do not move"
        elif branches = "" then
            $"{step.Name}: constant {step.Constant}"
        else
            $"{step.Name} {branches}"
