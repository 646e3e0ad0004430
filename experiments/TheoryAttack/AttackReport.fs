/// What an attack came to: report.json, table.md and a picture.
module MappingNets.Experiments.TheoryAttack.AttackReport

open System
open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open ScottPlot
open MappingNets
open MappingNets.Experiments.Reporting

type Report =
    { Command: string
      Date: string
      Machine: string
      Seed: int
      Trials: int
      Bounds: AttackResult list
      Tightness: Tightness.Row list }

let private number (value: float) =
    value.ToString("0.0000", Globalization.CultureInfo.InvariantCulture)

/// A ratio close to 1 by how far it is from it.
let private ratio value =
    if value > 0.9999 && value < 1.0 then
        FormattableString.Invariant $"1 - {1.0 - value:g2}"
    else
        number value

let attacks (results: AttackResult list) =
    String.Join(
        "\n",
        [ "| bound | measured / bound | trials | worst | mean |"
          "|---|---|---:|---:|---:|"
          for result in results do
              let measured = result.Ratio.Replace("|", "\\|")
              $"| {result.Bound} | {measured} | {result.Trials} | {ratio result.Worst} | {number result.Mean} |" ]
    )

let tightness (rows: Tightness.Row list) =
    String.Join(
        "\n",
        [ "| layer | gain found by | bound / gain: least | median | largest |"
          "|---|---|---:|---:|---:|"
          for row in rows do
              $"| {row.Layer} | {row.Gain} | {number row.Least} | {number row.Median} | {number row.Largest} |" ]
    )

let private picture (results: AttackResult list) path =
    let plot = new Plot()
    let shown = List.rev results |> List.toArray
    plot.Title "Worst measured / bound: a bound that holds stays at or below 1"
    plot.XLabel "measured / bound"

    let bars =
        shown
        |> Array.mapi (fun place result ->
            Bar(
                Position = float place,
                Value = min 1.2 result.Worst,
                Size = 0.6,
                LineWidth = 0f,
                Orientation = Orientation.Horizontal,
                FillColor = (if result.Worst <= 1.0 then Colors.SteelBlue else Colors.Red)
            ))

    plot.Add.Bars bars |> ignore

    plot.Add.VerticalLine(1.0, color = Colors.Black, pattern = LinePattern.Dashed)
    |> ignore

    plot.Axes.Left.TickGenerator <-
        TickGenerators.NumericManual(
            shown |> Array.mapi (fun place _ -> float place),
            shown |> Array.map (fun result -> result.Bound)
        )

    plot.Axes.SetLimits(0.0, 1.25, -0.6, float shown.Length - 0.4)
    Plots.Save(plot, path, 1100, 700)

let machine () =
    $"{Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}"

let write (folder: string) report =
    Directory.CreateDirectory folder |> ignore
    let options = JsonSerializerOptions(WriteIndented = true)
    options.NumberHandling <- Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals
    AtomicFile.WriteAllText(Path.Combine(folder, "report.json"), JsonSerializer.Serialize(report, options) + "\n")

    AtomicFile.WriteAllText(
        Path.Combine(folder, "table.md"),
        attacks report.Bounds + "\n\n" + tightness report.Tightness + "\n"
    )

    picture report.Bounds (Path.Combine(folder, "attack.png"))
