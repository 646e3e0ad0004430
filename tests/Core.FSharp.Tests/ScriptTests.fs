/// The scripts under examples/scripts, run as a reader runs them: by dotnet fsi against this build output.
module MappingNets.Core.Tests.ScriptTests

open System
open System.Diagnostics
open System.IO
open Expecto

/// The folder of the repository, found upwards from the build output.
let private repository =
    let rec find (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith "the tests run outside the repository"
        | folder when File.Exists(Path.Combine(folder.FullName, "MappingNets.sln")) -> folder.FullName
        | folder -> find folder.Parent

    find (DirectoryInfo AppContext.BaseDirectory)

let private folder = Path.Combine(repository, "examples", "scripts")

/// The scripts with the last line that each must end in.
let private lastLines =
    [ "gradient-and-hessian.fsx", "derivatives agree with finite differences: true"
      "certificate.fsx", "conclusion: HoldsByTheorem"
      "solvability.fsx", "z* recovered: true"
      "alpha-sweep.fsx", "both bounds rise with alpha: true"
      "bounds.fsx", "no sampled move within it changes the prediction: true" ]

let private run (script: string) =
    let start =
        ProcessStartInfo(
            "dotnet",
            [ "fsi"; script ],
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    use fsi =
        match Process.Start start with
        | null -> failwith "dotnet did not start"
        | fsi -> fsi

    let faults = fsi.StandardError.ReadToEndAsync()
    let output = fsi.StandardOutput.ReadToEnd()
    fsi.WaitForExit()
    Expect.equal fsi.ExitCode 0 $"{script} failed: {faults.Result}"
    output.Split([| '\n'; '\r' |], StringSplitOptions.RemoveEmptyEntries)

[<Tests>]
let tests =
    // One after another: each start of fsi takes a core for seconds.
    testSequencedGroup "fsi"
    <| testList
        "Scripts"
        [ for script, last in lastLines do
              testCase $"{script} ends in: {last}" (fun () ->
                  let lines = run script
                  Expect.equal (Array.last lines) last (String.Join("\n", lines)))

          testCase "they load a TorchSharp whose native calls the JIT does not optimise" (fun () ->
              // What a script takes, from where it takes it.
              let script = File.ReadAllLines(Path.Combine(folder, fst (List.head lastLines)))
              let taken = script |> Array.filter _.StartsWith("#r")

              let place =
                  script
                  |> Array.find _.StartsWith("#I ")
                  |> fun line -> Path.GetFullPath(Path.Combine(folder, line.Substring(3).Trim().Trim('"')))
                  |> fun path -> "#I @\"" + path + "\""

              let question =
                  "typeof<TorchSharp.torch.Tensor>.GetMethod(\"mul\", [| typeof<TorchSharp.Scalar> |]).MethodImplementationFlags"
                  + " |> _.HasFlag(System.Reflection.MethodImplAttributes.NoOptimization)"
                  + " |> printfn \"unoptimised: %b\""

              // Not beside the scripts, where a run that is interrupted would leave it.
              let own = Directory.CreateTempSubdirectory("mappingnets-")
              let asking = Path.Combine(own.FullName, "asking.fsx")

              try
                  File.WriteAllLines(asking, Array.concat [ [| place |]; taken; [| question |] ])
                  Expect.equal (Array.last (run asking)) "unoptimised: true" "the mark of the script's TorchSharp"
              finally
                  own.Delete(true))

          testCase "each is short enough to be read at a glance" (fun () ->
              for script, _ in lastLines do
                  let lines = File.ReadAllLines(Path.Combine(folder, script)).Length
                  Expect.isLessThan lines 40 script) ]
