/// Bad input that must be refused at the door.
module MappingNets.Core.Tests.Refusals

open System
open Expecto
open MappingNets.Core.Tests.TensorExpectations

/// The work is refused with the argument's name, and a message that contains the fragment.
let refuses name argument (fragment: string) (work: unit -> unit) =
    test name (fun () ->
        let error =
            try
                work ()
                None
            with :? ArgumentException as error ->
                Some error

        match error with
        | None -> failtest "It was accepted."
        | Some error ->
            Expect.equal error.ParamName argument "the argument"
            Expect.stringContains error.Message fragment "the message")
