module MappingNets.Experiments.TheoryAttack.Program

open System
open System.IO
open TorchSharp

/// Every attack.
let attacks =
    MappingAttacks.all @ NetworkAttacks.all @ ModelAttacks.all @ SearchAttacks.all

let private help =
    """Looks for a counterexample to each bound: points at the edge of its ball and along the steepest directions.

  --trials N       of each bound, 10000 by default
  --seed N         1 by default
  --only TEXT      bounds whose name contains it; all by default
  --seeds N        of the tightness of each layer, 5 by default; 0 leaves it out
  --out FOLDER     where report.json, table.md and attack.png go; artifacts/attack by default

Ends with 1 where a measured ratio is above 1."""

let private number (argument: string) least (text: string) =
    match Int32.TryParse text with
    | true, value when value >= least -> value
    | _ -> raise (ArgumentException $"{argument} takes a whole number of at least {least}, not '{text}'.")

type private Arguments =
    { Trials: int
      Seed: int
      Only: string
      Seeds: int
      Out: string }

let rec private parse (options: Arguments) arguments =
    match arguments with
    | [] -> options
    | "--trials" :: text :: rest ->
        parse
            { options with
                Trials = number "--trials" 1 text }
            rest
    | "--seed" :: text :: rest ->
        parse
            { options with
                Seed = number "--seed" 0 text }
            rest
    | "--seeds" :: text :: rest ->
        parse
            { options with
                Seeds = number "--seeds" 0 text }
            rest
    | "--only" :: text :: rest -> parse { options with Only = text } rest
    | "--out" :: text :: rest -> parse { options with Out = text } rest
    | other :: _ -> raise (ArgumentException $"'{other}' is no option, or lacks its value.\n{help}")

let private run (options: Arguments) =
    let chosen =
        attacks
        |> List.filter (fun attack -> attack.Bound.Contains(options.Only, StringComparison.OrdinalIgnoreCase))

    if chosen.IsEmpty then
        raise (ArgumentException $"No bound's name contains '{options.Only}'.")

    let results =
        [ for attack in chosen do
              let result = Attack.run options.Seed options.Trials attack
              printfn $"{result.Bound}: worst %.4f{result.Worst} in {result.Trials} trials, %.1f{result.Seconds} s"
              result ]

    AttackReport.write
        options.Out
        { Command =
            $"./build.sh attack --trials {options.Trials} --seed {options.Seed} --seeds {options.Seeds}"
            + (if options.Only = "" then "" else $" --only {options.Only}")
          Date = DateTime.UtcNow.ToString "yyyy-MM-dd"
          Machine = AttackReport.machine ()
          Seed = options.Seed
          Trials = options.Trials
          Bounds = results
          Tightness =
            if options.Seeds = 0 then
                []
            else
                Tightness.measure options.Seeds }

    printfn $"{Path.GetFullPath options.Out}"

    if results |> List.forall (fun result -> result.Worst <= 1.0) then
        0
    else
        1

[<EntryPoint>]
let main arguments =
    try
        if Array.contains "--help" arguments then
            printfn $"{help}"
            0
        else
            let options =
                parse
                    { Trials = 10_000
                      Seed = 1
                      Only = ""
                      Seeds = 5
                      Out = Path.Combine("artifacts", "attack") }
                    (Array.toList arguments)

            // Everything here is small; more threads cost more than they give.
            let threads = torch.get_num_threads ()

            try
                torch.set_num_threads 1
                run options
            finally
                torch.set_num_threads threads
    with :? ArgumentException as refusal ->
        eprintfn $"{refusal.Message}"
        2
