"""Given names usual in English texts, and family names of romanised Chinese ones, which come first as they do."""

# ruff: noqa: E501, SIM905 - word lists

from __future__ import annotations

GIVEN = (
    "Aaron Abdul Abdullah Abigail Adam Adrian Agnes Ahmed Aidan Aisha Alan Albert Alejandro Alex Alexander Alexandra Alfie Ali Alice Alison Alistair Amanda Amelia Amina Amir"
    " Amy Ana Andrea Andreas Andrew Andy Angela Anita Anjali Ann Anna Anne Annie Anthony Antonio Archie Arjun Arthur Ashley Audrey Ava Barbara Barry Beatrice Becky Ben"
    " Benjamin Bernard Beth Bethany Betty Beverley Brandon Brenda Brian Bridget Bruce Cameron Carl Carla Carlos Carmen Carol Caroline Catherine Cathy Charles Charlie"
    " Charlotte Chloe Chris Christian Christina Christine Christopher Claire Clara Clare Clive Colin Connor Craig Cynthia Daniel Daniela Danny Darren Dave David Dean"
    " Deborah Debbie Deepak Denise Dennis Derek Diana Diane Diego Dmitri Dominic Donald Donna Doreen Doris Dorothy Douglas Duncan Dylan Eddie Edith Edward Eileen Elaine"
    " Eleanor Elena Elizabeth Ella Ellen Ellie Emily Emma Eric Erin Ethan Eva Evelyn Farah Fatima Fergus Fiona Florence Frances Francesca Francis Freddie Frederick Freya"
    " Gareth Gary Gavin Gemma Geoff Geoffrey George Georgia Gerald Gillian Gina Giovanni Gordon Graham Gregory Hamish Hannah Harold Harriet Harry Hassan Hazel Heather"
    " Helen Henry Hilary Holly Howard Hugh Hugo Ian Ibrahim Imogen Imran Ingrid Irene Iris Isaac Isabel Isabella Isla Ivan Jacob Jacqueline Jade Jake James Jamie Jan Jane"
    " Janet Janice Jason Javier Jay Jean Jeff Jeffrey Jenna Jennifer Jenny Jeremy Jessica Jill Jim Jo Joan Joanna Joanne Joe Joel John Johnny Jonathan Jorge Jose Joseph"
    " Josh Joshua Joyce Juan Judith Judy Julia Julian Julie Justin Karen Karl Kate Katherine Kathleen Kathryn Katie Kayla Keith Kelly Ken Kenneth Kerry Kevin Khalid Kieran"
    " Kim Kimberly Kirsty Krishna Kumar Kyle Lara Larry Laura Lauren Lawrence Leah Lee Leila Leo Leon Leonard Lewis Liam Lily Linda Lindsay Lisa Liz Lorna Lorraine Louis"
    " Louise Lucas Lucy Luis Luke Lydia Lynn Maggie Malcolm Mandy Marcus Margaret Maria Marie Marilyn Mario Marion Martha Martin Mary Matthew Maureen Max Megan Mehmet"
    " Melanie Melissa Mia Michael Michelle Miguel Mike Miriam Mohamed Mohammad Mohammed Moira Molly Monica Muhammad Muriel Nadia Nancy Naomi Natalie Natasha Nathan Neil"
    " Niamh Nicholas Nick Nicola Nicole Nigel Nikhil Nina Noah Noor Nora Norman Nuala Oliver Olivia Omar Oscar Owen Pablo Pamela Patricia Patrick Paul Paula Pauline Pedro"
    " Peggy Penny Pete Peter Philip Philippa Phoebe Phyllis Pierre Polly Priya Rachel Raj Rajesh Ralph Ravi Raymond Rebecca Reza Rhys Richard Rita Robert Roberta Robin"
    " Roger Roisin Ronald Rory Rosalind Rosemary Ross Rowan Roy Ruby Rupert Ruth Ryan Sally Sam Samantha Samuel Sandra Sanjay Sara Sarah Scott Sean Sebastian Sergei Shannon"
    " Sharon Shaun Sheila Shirley Sian Simon Sofia Sophia Sophie Stacey Stanley Stefan Stella Stephanie Stephen Steve Steven Stuart Sue Sunita Susan Suzanne Sylvia Tamara"
    " Tanya Tara Terence Teresa Terry Theo Theresa Thomas Tim Timothy Tina Toby Todd Tom Tony Tracey Tracy Trevor Valerie Vanessa Vera Veronica Vicky Victor Vikram Vincent"
    " Vivian Walter Wayne Wendy William Winston Yasmin Yusuf Yvonne Zachary Zainab Zara Zoe"
    " Wang Zhang Liu Chen Yang Huang Zhao Zhou Xu Zhu Guo Lin Gao Luo Zheng Liang Xie Tang Deng Feng Cao Zeng Xiao Tian Dong Yuan Cai Jiang Cheng Wei Ding Shen Zhong Cui Liao"
    " Jia Xia Fang Zou Xiong Bai Meng Qin Qiu Hou Li Wu Wong Chan Cheung Leung Lau Tsang Kwok Yip Yeung Lam Tan Lim Goh Ng"
).split()
